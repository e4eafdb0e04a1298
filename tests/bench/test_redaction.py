"""Redaction's bench: the table as people and programs read it."""

import json

from click.testing import CliRunner

from cc_voice.bench.redaction import bench_redaction


def test_the_table_has_a_row_for_each_language_and_rate() -> None:
    told = CliRunner().invoke(bench_redaction, ["--calls", "3", "--language", "es", "--json"])
    rows = json.loads(told.stdout)
    assert [(row["language"], row["error_pct"], row["calls"]) for row in rows] == [("es", 0, 3), ("es", 5, 3), ("es", 10, 3)]
    written = CliRunner().invoke(bench_redaction, ["--calls", "3", "--language", "de", "--markdown"]).stdout
    assert written.startswith("| language | misheard | cards wholly hidden | 95 % |")
    assert len(written.splitlines()) == 5
    assert "cards wholly hidden" in CliRunner().invoke(bench_redaction, ["--calls", "2", "--language", "fr"]).stdout
