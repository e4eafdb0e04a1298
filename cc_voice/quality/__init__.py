"""Quality: rules, forms, redaction, sentiment, alerts, as pure functions on a call."""
