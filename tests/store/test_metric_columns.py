"""The columns of metrics: those of a migrated database are those of the entries, and a new one comes with its reasons."""

import duckdb

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.metrics.entry import Metric
from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING
from cc_voice.store import metric_columns
from tests.generated import new_migration
from tests.stored_calls import golden_call, new_store, write

NEW = [
    Metric(name="sneeze_count_agent", type="integer", unit="count", formula="the agent's sneezes"),
    Metric(name="sneeze_ms_agent", type="bigint", unit="ms", formula="their length"),
]


def test_a_migrated_database_has_a_column_of_its_type_for_every_metric() -> None:
    with new_store() as con:
        known = metric_columns.stored(con)
        assert {name: known.get(name) for name in METRICS} == {name: metric.type for name, metric in METRICS.items()}
        assert metric_columns.missing(con, METRICS.values()) == []
    assert new_migration() is None


def test_a_migration_adds_columns_and_says_why_legs_of_before_have_no_value() -> None:
    with new_store() as con:
        write(con, golden_call())
        assert metric_columns.missing(con, [*METRICS.values(), *NEW]) == NEW
        con.begin()
        con.execute(metric_columns.migration(NEW))
        con.commit()
        assert {name: metric_columns.stored(con)[name] for name in ("sneeze_count_agent", "sneeze_ms_agent")} == {
            "sneeze_count_agent": "integer",
            "sneeze_ms_agent": "bigint",
        }
        reasons = con.execute("select metric, reason from fact_null_reason where metric like 'sneeze%' order by metric").fetchall()
        assert reasons == [("sneeze_count_agent", "earlier_version"), ("sneeze_ms_agent", "earlier_version")]
        assert reports.run_check(con, EVERYTHING, "unexplained-null").is_empty()


def test_a_migration_of_a_new_database_has_nobody_to_explain() -> None:
    with duckdb.connect() as con:
        con.execute("create table fact_leg (leg_id text, date_key integer)")
        con.execute("create table fact_null_reason (leg_id text, metric text, reason text, date_key integer)")
        con.execute(metric_columns.migration(NEW))
        assert con.execute("select count(*) from fact_null_reason").fetchall() == [(0,)]
