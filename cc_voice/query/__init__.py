"""Query: what people and programs ask, whether the service runs or not: operations, reports, columns, SQL, scheduled exports."""
