"""Language tags as Zoom's identification gives them: late, wrong, or none; and what a client is sent of it."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.simulator import wire
from cc_voice.simulator.errors import RequestError
from cc_voice.simulator.faults import WrongTag
from cc_voice.simulator.language_tags import late_tags, wrong_tag
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.scenario import ASKED, Script, ScriptLine
from cc_voice.simulator.server import Simulator

CUSTOMER = [(1_000, "en"), (5_000, "en"), (12_000, "es"), (20_000, "es"), (24_000, "es"), (30_000, "en"), (41_000, "en")]
AGENT = [(3_000, "en"), (16_000, "es"), (26_000, "es")]


def script(*speakers: list[tuple[int, str]]) -> Script:
    lines = [
        ScriptLine(start_ms=at, end_ms=at + 900, text=f"{language} {at}", language=language, channel_id=f"ch-{number}")
        for number, speaker in enumerate(speakers)
        for at, language in speaker
    ]
    contact_center = wire.PRODUCTS["contact_center"]
    ordered = tuple(sorted(lines, key=lambda line: line.end_ms))
    return Script(name="s", title="s", product=contact_center, language="en", duration_ms=60_000, tracks=(), events=(),
                  lines=ordered, stop_reason=21)  # fmt: skip


def tags(of: Script, channel: str = "ch-0") -> list[str | None]:
    return [line.tag for line in of.lines if line.channel_id == channel]


def test_a_tag_lags_behind_its_speaker_and_before_that_is_what_was_asked_for() -> None:
    late = late_tags(script(CUSTOMER, AGENT), 10_000)
    # Heard until      -9      -5       2     10    14    20    31
    assert tags(late) == [ASKED, ASKED, "en", "en", "es", "es", "en"]
    assert tags(late, "ch-1") == [ASKED, "en", "es"]


def test_a_stretch_shorter_than_the_lag_can_go_unnoticed() -> None:
    late = late_tags(script([(0, "en"), (20_000, "es"), (24_000, "en"), (60_000, "en")]), 30_000)
    assert tags(late) == [ASKED, ASKED, ASKED, "en"]


def test_of_a_lag_of_a_millisecond_only_the_first_line_of_a_language_knows() -> None:
    late = late_tags(script([(0, "en"), (1_000, "es"), (2_000, "es"), (3_000, "de")]), 1)
    assert tags(late) == [ASKED, "en", "es", "es"]


@given(
    st.lists(st.tuples(st.integers(0, 60_000), st.sampled_from(["en", "es", "de"])), max_size=12, unique_by=lambda line: line[0]),
    st.integers(1, 120_000),
    st.booleans(),
)
def test_only_tags_change_and_a_wrong_one_stays_wrong(spoken: list[tuple[int, str]], lag_ms: int, wrong_first: bool) -> None:
    plain = script(spoken)
    changes = [lambda one: late_tags(one, lag_ms)]
    if spoken:
        changes.insert(0 if wrong_first else 1, lambda one: wrong_tag(one, WrongTag(len(spoken), "fr-CA")))
    changed = plain
    for change in changes:
        changed = change(changed)
    bare = tuple(msgspec.structs.replace(line, tag=None) for line in changed.lines)
    assert bare == plain.lines
    assert {line.tag for line in changed.lines} <= {ASKED, "fr-CA", *(language for _, language in spoken)}
    if spoken:
        assert max(changed.lines, key=lambda line: line.start_ms).tag == "fr-CA"


def test_lines_count_as_they_begin_not_as_they_end() -> None:
    long = ScriptLine(start_ms=0, end_ms=9_000, text="long", channel_id="a")
    short = ScriptLine(start_ms=2_000, end_ms=3_000, text="short", channel_id="b")
    changed = wrong_tag(msgspec.structs.replace(script(), lines=(short, long)), WrongTag(1, "de"))
    assert {line.text: line.tag for line in changed.lines} == {"long": "de", "short": None}


def test_a_line_that_is_not_there_is_named() -> None:
    with pytest.raises(RequestError, match="s has 10 lines, there is no line 11"):
        wrong_tag(script(CUSTOMER, AGENT), WrongTag(11, "de"))


# What a client is sent -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one call of four lines by one customer: English, Spanish, Spanish, English, two seconds apart."""
    lines = [
        {"start_ms": at, "end_ms": at + 500, "text": text, "language": language, "channel_id": "ch-c1"}
        for at, text, language in ((0, "Hello.", "en"), (2_000, "Hola.", "es"), (4_000, "Sí.", "es"), (6_000, "Okay.", "en"))
    ]
    about = {"name": "call", "title": "call", "product": "contact_center", "duration_ms": 7_000, "audio": "call.flac"}
    parties = [{"party": "customer", "channel_id": "ch-c1", "name": "Ann"}]
    (tmp_path / "call.json").write_text(json.dumps(about | {"channels": parties, "lines": lines}))
    soundfile.write(tmp_path / "call.flac", np.zeros((56_000, 1), dtype=np.int16), 8000)
    return tmp_path


@pytest.mark.parametrize(
    ("faults", "asked", "numbers"),
    [
        ((), {}, [9, 28, 28, 9]),
        (("late-tags:2000",), {}, [9, 9, 28, 28]),
        (("late-tags:2000",), {"src_language": 14}, [14, 9, 28, 28]),
        (("late-tags:2000",), {"src_language": 14, "enable_lid": False}, [14, 14, 14, 14]),
        (("wrong-tag:2=de",), {}, [9, 14, 28, 9]),
        (("wrong-tag:2=de", "late-tags:2000"), {}, [9, 14, 28, 28]),
        (("no-tags",), {}, [None, None, None, None]),
        (("no-transcript",), {}, []),
    ],
)
async def test_what_a_client_is_sent(folder, raw_client, faults, asked, numbers):
    async with Simulator(SimulatorConfig(scenarios_dir=folder)) as simulator:
        client = raw_client(await simulator.start_call(CallRequest(scenario="call", speed="max", faults=faults)), simulator.config)
        await client.signal()
        await client.media("audio", 1)
        await client.media("transcript", 8, media_params={"transcript": {"content_type": 5, **asked}})
        await client.ready()
        await client.ended()
        status = await simulator.wait(client.announced.call)
    assert status.completed
    lines = [message["content"] for message in client.kinds(17, "transcript")]
    assert [line.get("language") for line in lines] == numbers
    assert [line["data"] for line in lines] == ["Hello.", "Hola.", "Sí.", "Okay."][: len(numbers)], "the words stay true"
    assert status.transcripts_sent == len(numbers)


async def test_a_line_that_a_call_has_not_starts_no_call(folder):
    async with Simulator(SimulatorConfig(scenarios_dir=folder)) as simulator:
        with pytest.raises(RequestError, match="call has 4 lines"):
            await simulator.start_call(CallRequest(scenario="call", faults=("wrong-tag:5=de",)))
        assert not simulator.calls()
