"""Shares, switches, mixing, mismatch and unserved languages of a leg (1.6)."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from cc_voice.call.analysis import Interval, StreamAnalysis
from cc_voice.call.events import EventName
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.metrics.languages import LanguageRun, switches
from cc_voice.call.rows import LegRow, MeasuredCall
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import ANSWERED, channel, local, measured, of_kind, reasons_of, stream, zoom
from tests.call.golden import event
from tests.call.strategies import conversations
from tests.conftest import examples

BOTH = LanguagePolicy(default="en", languages=("es",))
SURE = {"en": (("en", 0.999), ("es", 0.001)), "es": (("en", 0.001), ("es", 0.999)), "de": (("de", 0.999), ("en", 0.001))}
SIX = "one two three four five six"


def said(channel_id: str, span: Interval, language: str, text: str = SIX) -> Utterance:
    """A line of Zoom's whose text leaves no doubt."""
    return msgspec.structs.replace(zoom(channel_id, span, text, language), lid=SURE[language])


def call(
    agent: Iterable[Utterance] = (),
    customer: Iterable[Utterance] = (),
    *,
    served: tuple[str, ...] | None = ("en", "es"),
    policy: LanguagePolicy = BOTH,
    **more: object,
) -> StreamAnalysis:
    """A minute whose speech is where the lines are."""
    agent, customer = list(agent), list(customer)
    speech = [channel(name, *((one.start_ms, one.end_ms) for one in lines)) for name, lines in (("a", agent), ("c", customer))]
    made = stream(*speech, utterances=[*agent, *customer], **more)  # type: ignore[arg-type]
    return msgspec.structs.replace(made, policy=policy, served=served)


def en_es_en() -> list[Utterance]:
    return [
        said("c", (0, 3_000), "en"),
        said("c", (5_000, 8_000), "es"),
        said("c", (10_000, 13_000), "es"),
        said("c", (15_000, 18_000), "en"),
        said("c", (20_000, 23_000), "en"),
    ]


AGENT = [said("a", (3_000, 5_000), "en"), said("a", (8_500, 9_500), "en"), said("a", (30_000, 34_000), "en")]


def of(stream_: StreamAnalysis) -> tuple[MeasuredCall, LegRow]:
    return measured(stream_)


def test_shares_switches_and_their_evidence() -> None:
    found, leg = of(call(AGENT, en_es_en()))
    shares = {(row.party, row.language_code): (row.speech_ms, row.share_pct) for row in found.leg_languages}
    assert shares == {("agent", "en"): (7_000, 100), ("customer", "en"): (9_000, 60), ("customer", "es"): (6_000, 40)}
    assert (leg.lang_switch_count, leg.lang_switch_count_agent, leg.lang_switch_count_customer) == (2, 0, 2)
    switched = [(row.start_ms, row.end_ms, row.outcome, row.subkind, row.party) for row in of_kind(found, "lang_switch")]
    assert switched == [(3_000, 5_000, "en", "es", "customer"), (13_000, 15_000, "es", "en", "customer")]
    spoken = [(row.start_ms, row.end_ms, row.subkind, row.party) for row in of_kind(found, "language")]
    assert spoken == [
        (0, 5_000, "en", "customer"),
        (0, 60_000, "en", "agent"),
        (5_000, 15_000, "es", "customer"),
        (15_000, 60_000, "en", "customer"),
    ]
    assert all(row.value is not None and row.value > 0.9 for row in of_kind(found, "language"))
    assert (leg.lid_conf_mean or 0) > 0.9
    assert leg.lid_undecided_pct == 0


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        (said("c", (5_000, 8_000), "es"), True),
        (said("c", (5_000, 6_500), "es"), True),
        (said("c", (5_000, 6_499), "es"), False),
    ],
    ids=["long", "long enough", "short"],
)
def test_what_is_short_is_no_switch(line: Utterance, counts: bool) -> None:
    found, leg = of(call(AGENT, [said("c", (0, 3_000), "en"), line]))
    assert leg.lang_switch_count == int(counts)
    assert len(of_kind(found, "lang_switch")) == int(counts)


def test_an_interlude_that_does_not_count_leaves_the_language_before_it() -> None:
    lines = [said("c", (0, 3_000), "en"), said("c", (5_000, 6_400), "es"), said("c", (10_000, 13_000), "en")]
    found, leg = of(call(AGENT, lines))
    assert leg.lang_switch_count_customer == 0
    assert {row.language_code for row in found.leg_languages if row.party == "customer"} == {"en", "es"}


def test_mixing_is_of_words() -> None:
    lines = [
        said("c", (0, 3_000), "en"),
        said("c", (5_000, 8_000), "es", "uno dos tres"),
        said("c", (9_000, 9_900), "es", "4111 12"),
    ]
    _, leg = of(call(AGENT, lines))
    assert leg.cmi_customer == pytest.approx(100 * (1 - 6 / 9))
    assert leg.cmi_agent == 0
    assert of(call(AGENT, [said("c", (0, 3_000), "en", "4111 12 7")]))[1].cmi_customer == 0


def test_a_mismatch_lasts_as_long_as_the_turns_differ() -> None:
    agent = [said("a", (0, 3_000), "en"), said("a", (10_000, 13_000), "en"), said("a", (20_000, 23_000), "es")]
    customer = [said("c", (5_000, 8_000), "es"), said("c", (15_000, 18_000), "es"), said("c", (30_000, 32_000), "es")]
    found, leg = of(call(agent, customer))
    assert leg.lang_mismatch_ms == 18_000
    assert [(row.start_ms, row.end_ms) for row in of_kind(found, "lang_mismatch")] == [(0, 18_000)]
    held = (*ANSWERED, event(5_500, EventName.USER_HOLD, "a"), event(6_500, EventName.USER_UNHOLD, "a"))
    assert of(call(agent, customer, events=held))[1].lang_mismatch_ms == 17_000


def test_one_language_mismatches_nothing() -> None:
    _, leg = of(call(AGENT, [said("c", (5_000, 8_000), "en")]))
    assert (leg.lang_mismatch_ms, leg.lang_switch_count, leg.cmi_customer) == (0, 0, 0)


def test_speech_in_a_language_without_a_model_is_counted() -> None:
    lines = [said("c", (0, 3_000), "en"), said("c", (5_000, 8_000), "de"), said("c", (9_000, 12_000), "de")]
    _, leg = of(call(AGENT, lines, served=("en", "es")))
    assert leg.unsupported_lang_ms == 6_000
    assert of(call(AGENT, lines, served=("en", "de")))[1].unsupported_lang_ms == 0
    nobody, _ = of(call(AGENT, lines, served=None))
    assert reasons_of(nobody)["unsupported_lang_ms"] == "no_recogniser"


LANGUAGE_METRICS = {"lang_switch_count", "lang_switch_count_agent", "lang_switch_count_customer", "lang_mismatch_ms"} | {
    "cmi_agent",
    "cmi_customer",
    "lid_conf_mean",
    "lid_undecided_pct",
}


def test_a_fixed_language_is_not_measured() -> None:
    found, leg = of(call(AGENT, en_es_en(), policy=LanguagePolicy(default="en", identify=False)))
    assert {name: reasons_of(found)[name] for name in LANGUAGE_METRICS} == dict.fromkeys(LANGUAGE_METRICS, "language_fixed")
    assert [(row.party, row.language_code, row.share_pct) for row in found.leg_languages] == [
        ("agent", "en", 100),
        ("customer", "en", 100),
    ]
    assert {row.language_code for row in found.utterances} == {"en"}
    assert leg.unsupported_lang_ms == 0
    assert of_kind(found, "language") == of_kind(found, "lang_switch") == of_kind(found, "lang_mismatch") == []


def test_without_evidence_nothing_is_claimed() -> None:
    ours = [local("c", (5_000, 8_000), SIX)]
    found, leg = of(call([local("a", (0, 3_000), SIX)], ours))
    assert {name: reasons_of(found)[name] for name in LANGUAGE_METRICS} == dict.fromkeys(LANGUAGE_METRICS, "no_language_evidence")
    _, leg = of(call(AGENT, ours))
    assert (leg.lang_switch_count, leg.lang_switch_count_agent, leg.lang_switch_count_customer) == (None, 0, None)
    assert leg.lid_conf_mean is not None


def test_a_mixed_channel_has_confidence_and_no_party() -> None:
    mixed = [msgspec.structs.replace(one, channel_id="0") for one in en_es_en()]
    speech = channel("0", *((one.start_ms, one.end_ms) for one in mixed))
    made = msgspec.structs.replace(stream(speech, utterances=mixed, mixed_audio=True), policy=BOTH, served=("en",))
    found, leg = of(made)
    assert reasons_of(found)["lang_switch_count"] == "mixed_audio"
    assert (leg.lid_conf_mean or 0) > 0.9
    assert leg.unsupported_lang_ms == 6_000
    assert [(row.subkind, row.party) for row in of_kind(found, "language")] == [("en", None), ("es", None), ("en", None)]


def test_undecided_speech_is_told() -> None:
    """The agent's two lines are certain; the customer's only one reads a little more like Spanish than like the default."""
    unsure = msgspec.structs.replace(said("c", (6_000, 8_000), "en"), lid=(("en", 0.3), ("es", 0.7)), tagged=None)
    _, leg = of(call(AGENT[:2], [unsure]))
    assert leg.lid_undecided_pct == pytest.approx(100 * 2_000 / 5_000)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, 1),
        ({"words": 2}, 0),
        ({"conf": 0.699}, 0),
        ({"conf": None}, 0),
        ({"speech": ((5_000, 5_700), (6_000, 6_799))}, 0),
        ({"language": "en"}, 0),
    ],
)
def test_a_switch_needs_time_words_and_certainty(change: dict[str, Any], counts: int) -> None:
    before = LanguageRun(span=(0, 4_000), language="en", conf=0.9, speech=((0, 3_000),), words=9)
    values: dict[str, Any] = {"span": (4_000, 9_000), "language": "es", "conf": 0.7, "speech": ((5_000, 6_500),), "words": 3}
    assert len(switches("agent", [before, LanguageRun(**values | change)], ThresholdSet())) == counts


@settings(max_examples=examples(60), deadline=None)
@given(conversations())
def test_any_conversation_adds_up(one: StreamAnalysis) -> None:
    found, leg = of(one)
    for party in ("agent", "customer"):
        rows = [row for row in found.leg_languages if row.party == party]
        spoken = leg.talk_ms_agent if party == "agent" else leg.talk_ms_customer
        assert sum(row.speech_ms for row in rows) == spoken
        assert sum(row.share_pct for row in rows) == pytest.approx(100 if rows else 0)
        count = leg.lang_switch_count_agent if party == "agent" else leg.lang_switch_count_customer
        if count is not None:
            assert count == len([row for row in of_kind(found, "lang_switch") if row.party == party])
    mismatch = sum(row.end_ms - row.start_ms for row in of_kind(found, "lang_mismatch"))
    assert leg.lang_mismatch_ms in (None, mismatch)
    assert leg.cmi_customer is None or 0 <= leg.cmi_customer <= 50
