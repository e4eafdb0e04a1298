"""`analytics/README.md` names everything that is there, and nothing that is not."""

import re

from cc_voice.config.settings import bundled
from cc_voice.query import columns as query_columns
from cc_voice.query import reports as query_reports
from tests.generated import readme
from tests.stored_calls import new_store

README = (bundled("analytics") / "README.md").read_text()


def table(heading: str) -> dict[str, list[str]]:
    """Return the rows of the first table under a heading by the name in their first cell."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("` |"): row[1:] for row in rows}


def test_every_report_is_explained() -> None:
    documented = {name: row for name, row in table("Reports").items() if len(row) == 3}
    assert documented == {
        report.name: [
            str(report.question or "–"),
            report.title,
            ", ".join(f"`{param.name}`" + ("" if param.default else " (required)") for param in report.params),
        ]
        for report in query_reports.list_reports()
    }


def test_every_view_is_explained() -> None:
    assert {name: row[0].strip(" |") for name, row in table("Views").items()} == query_reports.views()


def test_every_check_is_explained() -> None:
    assert {name: row[0].strip(" |") for name, row in table("Checks").items()} == {
        check.name: check.meaning for check in query_reports.checks()
    }


def columns() -> set[str]:
    with new_store() as con:
        query_reports.prepare(con)
        rows = con.execute(
            "select column_name from duckdb_columns() where table_name in (select unnest($views))",
            {"views": list(query_reports.views())},
        ).fetchall()
    return {row[0] for row in rows}


def test_every_column_of_a_view_is_described_and_no_other() -> None:
    assert set(query_columns.columns()) == columns()  # an entry of a metric, or a paragraph of analytics/columns.toml, each


def test_the_dictionary_of_metrics_is_that_of_the_entries() -> None:
    assert readme() == README  # else: make generate


def test_the_examples_ask_what_exists() -> None:
    reports = {report.name: report for report in query_reports.list_reports()}
    examples = re.findall(r"^\$ cc-voice report (\S+) (.*)$", README, re.MULTILINE)
    assert examples
    for name, options in examples:
        given = set(re.findall(r"--param (\w+)=", options))
        assert given <= {param.name for param in reports[name].params}, name
        assert {param.name for param in reports[name].params if param.default is None} <= given, name
