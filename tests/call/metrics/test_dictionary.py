"""The entries of metrics: each is a column, gets a value from its section, and says why it may have none."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.legs.assignment import handle
from cc_voice.call.legs.timeline import merge
from cc_voice.call.measure import measure
from cc_voice.call.metrics import evidence
from cc_voice.call.metrics.dictionary import METRICS, SECTIONS
from cc_voice.call.metrics.entry import Metric
from cc_voice.call.metrics.leg_metrics import find, leg_metrics
from cc_voice.call.metrics.preconditions import PRECONDITIONS
from cc_voice.call.rows import LegRow
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import DEFAULTS, channel, scopes_of, stream
from tests.call.strategies import conversations, streams


def test_a_leg_has_a_field_for_every_metric_in_their_order() -> None:
    fields = {field.name: field for field in msgspec.structs.fields(LegRow)}
    assert [name for name in fields if name in METRICS] == list(METRICS)
    assert {name for name in METRICS if fields[name].type != METRICS[name].python_type | None} == set()
    assert {name for name in METRICS if fields[name].default is not None} == set()


def test_every_section_measures_what_it_lists() -> None:
    call = stream(channel("a", (0, 6_000)), channel("c", (6_000, 9_000)))
    (scope,) = scopes_of(call)
    measured = leg_metrics(scope, find(scope, DEFAULTS), handle(merge([call])), DEFAULTS)
    assert set(measured) == set(METRICS)


def test_an_entry_reads_well() -> None:
    assert {
        metric.name for metric in METRICS.values() if metric.formula != metric.formula.strip() or metric.formula.endswith(".")
    } == set()
    assert {metric.name for metric in METRICS.values() if metric.meaning and not metric.meaning.endswith(".")} == set()
    assert {metric.name for metric in METRICS.values() if (metric.unit is None) != (metric.type == "text")} == set()
    assert {metric.name for metric in METRICS.values() if metric.lasts_minutes and metric.unit != "ms"} == set()


def test_evidence_is_of_kinds_that_are_written() -> None:
    kinds = {metric.evidence.kind for metric in METRICS.values() if metric.evidence}
    assert kinds <= set((evidence.__doc__ or "").replace(",", " ").split())


def test_an_entry_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="a page shows both"):
        Metric(name="new_count", type="integer", label="New", formula="nothing")
    with pytest.raises(ValueError, match="has evidence, or says why not"):
        Metric(name="new_count", type="integer", label="New", meaning="Something new.", formula="nothing")
    with pytest.raises(ValueError, match="does not know: no_reason"):
        Metric(name="new_count", type="integer", reasons=("no_reason",), formula="nothing")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(streams(), conversations()), min_size=1, max_size=2), st.booleans())
def test_no_metric_is_null_for_a_reason_that_its_entry_does_not_name(many: list[StreamAnalysis], sensitive: bool) -> None:
    call = measure(many, ThresholdSet(cust_speech_on_hold=sensitive, raised_voice_agent=sensitive))
    for row in call.null_reasons:
        metric = METRICS[row.metric]
        assert row.reason in {*metric.reasons, *(reason for need in metric.needs for reason in PRECONDITIONS[need].reasons)}, (
            metric.name
        )


def test_sections_have_a_number_that_docstrings_cite() -> None:
    assert {section.title for section in SECTIONS if not section.number.startswith("1.")} == set()
