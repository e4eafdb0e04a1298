"""Language spoken when, against the script of a call: the rule for borrowed words, and one call over real links."""

import msgspec
import pytest
from click.testing import CliRunner

from cc_voice.bench.language import Followed, conditions, judge, scripted_calls, worst_of_calls
from cc_voice.call.rows import CallRow, MeasuredCall
from cc_voice.commands.main import main


def test_the_scripts_say_when_languages_change() -> None:
    calls = {call.name: call for call in scripted_calls()}
    assert calls["english-to-spanish"].switches("customer") == [20_081]
    assert len(calls["english-spanish-english"].switches("agent")) == 2
    assert calls["borrowed-words"].switches("customer") == []
    assert calls["borrowed-words"].shares("customer") == {"es": 100}
    assert calls["english-german-english"].shares("agent") == {"en": 100}
    assert calls["english-to-japanese"].shares("agent") == {"en": 100}
    assert len(calls["english-to-japanese"].switches("customer")) == 1, "a line of two characters is in the language around it"
    assert {"ja", "zh", "th", "ko", "ar", "he"} <= {language for call in calls.values() for language in call.languages}


def test_a_call_in_a_language_without_model_is_not_played_without_transcript() -> None:
    names = {call.name: [one.name for one in conditions(call)] for call in scripted_calls()}
    assert names["english-to-spanish"][-1] == "no transcript"
    assert "no transcript" not in names["english-to-french"]
    assert all(len(set(one)) == len(one) for one in names.values())


def test_a_call_in_which_nothing_was_found_is_as_wrong_as_can_be() -> None:
    (call,) = scripted_calls(["english-to-spanish"])
    row = CallRow(call_id="c", product="contact_center", instance_id="E", start_unix_ms=0, end_unix_ms=1, leg_count=1)
    empty = MeasuredCall(
        call=row, channels=(), legs=(), leg_languages=(), utterances=(), words=(), intervals=(), events=(), null_reasons=()
    )
    found = judge(call, "tags right", empty)
    assert found.share_error_points == pytest.approx(max(max(call.shares(party).values()) for party in ("agent", "customer")))
    assert (found.switches, found.switches_scripted, found.switch_error_ms, found.source) == (0, 2, None, "nothing")
    assert found.word_errors == found.words == 119


@pytest.mark.system
@pytest.mark.nightly
def test_one_call_is_followed_however_it_is_tagged() -> None:
    answer = CliRunner().invoke(main, ["bench", "language", "--call", "english-to-spanish", "--speed", "12", "--json"])
    assert answer.exit_code == 0, answer.output
    found = msgspec.json.decode(answer.stdout)["calls"]
    assert len(found) == 9
    for one in found:
        assert one["share_error_points"] <= 5
        assert (one["switches"], one["switches_scripted"]) == (2, 2)
        assert one["switch_error_ms"] <= 3_000
        assert one["word_errors"] == 0
        assert one["displaced"] == 0
    assert [one["source"] for one in found] == ["text"] * 8 + ["recognisers"]


@pytest.mark.system
@pytest.mark.nightly
def test_a_customer_who_speaks_japanese_is_followed_however_it_is_tagged() -> None:
    """Written without spaces, and by models that know English and Spanish: its words stay Zoom's."""
    answer = CliRunner().invoke(main, ["bench", "language", "--call", "english-to-japanese", "--speed", "12", "--json"])
    assert answer.exit_code == 0, answer.output
    found = msgspec.json.decode(answer.stdout)["calls"]
    assert len(found) == 8
    for one in found:
        assert one["share_error_points"] <= 5
        assert (one["switches"], one["switches_scripted"], one["displaced"], one["word_errors"]) == (1, 1, 0, 0)
        assert one["switch_error_ms"] <= 3_000
        assert one["source"] == "text"


def test_the_worst_of_every_condition_is_one_row() -> None:
    row = Followed(
        call="c",
        condition="tags right",
        share_error_points=1,
        switches=2,
        switches_scripted=2,
        switch_error_ms=100,
        words=9,
        word_errors=0,
        displaced=0,
        source="text",
    )
    late = msgspec.structs.replace(row, condition="late", share_error_points=3, switches=1, switch_error_ms=None, source="tag")
    wrong = msgspec.structs.replace(row, condition="wrong", displaced=2, word_errors=4, call="d")
    first, second = worst_of_calls([row, late, wrong])
    assert (first.condition, first.share_error_points, first.switches, first.switch_error_ms) == ("2 conditions", 3, 1, None)
    assert (first.source, second.call, second.displaced, second.word_errors) == ("text, tag", "d", 2, 4)


def test_a_call_that_does_not_exist_is_told() -> None:
    answer = CliRunner().invoke(main, ["bench", "language", "--call", "nobody"])
    assert answer.exit_code == 1
    assert "there are: " in answer.output
    assert "english-to-spanish" in answer.output
