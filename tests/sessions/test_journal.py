"""The journal: order of arrival in, the stream's clock out; repeats dropped, revisions applied."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.events import CallEvent
from cc_voice.media import recordings
from cc_voice.media.recordings import Recording, StreamHeader
from cc_voice.rtms.enums import Attribute
from cc_voice.sessions import journal
from cc_voice.sessions.journal import EndNote, GapNote, Journal, Note, PlatformNote, WordsNote
from tests.sessions.conftest import RATE_HZ, T0


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    header = StreamHeader(
        call_id="c", stream_id="s", product="meeting", instance_id="i", language="de", sample_rate_hz=RATE_HZ, t0_unix_ms=T0
    )
    made = recordings.create(tmp_path, header)
    yield made
    made.close()


def read(recording: Recording, *notes: Note) -> Journal:
    for note in notes:
        recording.note(note)
    return journal.read(recording, T0)


def happened(name: str, at_ms: int, payload: str = "{}") -> PlatformNote:
    return PlatformNote(event=CallEvent(at_ms=0, at_unix_ms=T0 + at_ms, name=name, payload=payload))


def words(
    text: str, start_ms: int = 1000, attribute: int | None = None, channel_id: str = "a", language: str | None = "en"
) -> WordsNote:
    return WordsNote(
        channel_id=channel_id,
        text=text,
        start_unix_ms=T0 + start_ms,
        end_unix_ms=T0 + start_ms + 500,
        language=language,
        attribute=attribute,
    )


def test_everything_is_placed_on_the_streams_clock(recording: Recording) -> None:
    found = read(
        recording,
        happened("user_hold", 7000),
        happened("user_answered", -300),
        words("good morning", 1000),
        GapNote(start_unix_ms=T0 + 2000, end_unix_ms=T0 + 2500),
        EndNote(kind="normal", stop_reason=6),
    )
    assert [(event.name, event.at_ms) for event in found.events] == [("user_answered", -300), ("user_hold", 7000)]
    assert [(said.start_ms, said.end_ms, said.source, [w.word for w in said.words]) for said in found.words] == [
        (1000, 1500, "zoom", ["good", "morning"])
    ]
    assert {(word.start_ms, word.end_ms) for said in found.words for word in said.words} == {(None, None)}
    assert found.gaps == ((2000, 2500),)
    assert found.end == EndNote(kind="normal", stop_reason=6)


def test_what_a_reconnect_repeats_counts_once(recording: Recording) -> None:
    found = read(recording, *[happened("user_hold", 10, '{"a":1}'), words("hello")] * 2, happened("user_hold", 10, '{"a":2}'))
    assert len(found.events) == 2, "equal in everything is a repeat; another agent's hold at the same time is not"
    assert len(found.words) == 1


def test_a_piece_is_replaced_and_deleted_by_channel_and_start(recording: Recording) -> None:
    found = read(
        recording,
        words("helo"),
        words("other party", channel_id="b"),
        words("hello", attribute=Attribute.UPDATE),
        words("wrong", 3000),
        words("", 3000, attribute=Attribute.DELETE),
        words("", 9000, attribute=Attribute.DELETE),
    )
    assert [(said.channel_id, said.text) for said in found.words] == [("a", "hello"), ("b", "other party")]


def test_an_update_of_a_piece_that_was_lost_is_the_piece(recording: Recording) -> None:
    assert [said.text for said in read(recording, words("late", attribute=Attribute.UPDATE)).words] == ["late"]


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_blank_pieces_are_nothing(recording: Recording, blank: str) -> None:
    assert read(recording, words("hello"), words(blank, 5000)).words[0].text == "hello"
    assert len(read(recording).words) == 1


def test_words_without_a_language_have_the_calls(recording: Recording) -> None:
    assert [said.language for said in read(recording, words("moin", language=None)).words] == ["de"]


def test_a_piece_that_ends_before_it_begins_has_no_length(recording: Recording) -> None:
    [said] = read(recording, WordsNote(channel_id="a", text="x", start_unix_ms=T0 + 50, end_unix_ms=T0 + 10, language="en")).words
    assert (said.start_ms, said.end_ms) == (50, 50)


def test_a_gap_without_length_is_none(recording: Recording) -> None:
    assert read(recording, GapNote(start_unix_ms=T0, end_unix_ms=T0)).gaps == ()


def test_the_last_end_counts(recording: Recording) -> None:
    found = read(recording, EndNote(kind="lost", stop_reason=None, error="away"), EndNote(kind="normal", stop_reason=6))
    assert found.end is not None
    assert found.end.kind == "normal"


@pytest.mark.parametrize("damage", [b'{"type":"words","channel', b"\xff\xfe\n", b'{"type":"unknown"}\n'])
def test_a_line_cut_by_a_crash_costs_that_line_only(recording: Recording, damage: bytes) -> None:
    recording.note(words("before"))
    with (recording.folder / "journal.jsonl").open("ab") as out:
        out.write(damage if damage.endswith(b"\n") else damage + b"\n")
    recording.note(words("after", 4000))
    assert [said.text for said in journal.read(recording, T0).words] == ["before", "after"]


def test_the_first_note_of_a_successor_does_not_join_a_cut_line(recording: Recording, tmp_path: Path) -> None:
    recording.note(words("before"))
    with (recording.folder / "journal.jsonl").open("ab") as out:
        out.write(b'{"type":"words","chan')
    again = recordings.create(tmp_path, recording.header)
    again.note(words("after", 4000))
    again.close()
    assert [said.text for said in journal.read(recording, T0).words] == ["before", "after"]


PIECES = st.lists(
    st.builds(
        words,
        st.sampled_from(["", "one", "two"]),
        st.sampled_from([0, 1000]),
        st.sampled_from([None, 1, Attribute.UPDATE, Attribute.DELETE]),
        st.sampled_from(["a", "b"]),
    ),
    max_size=12,
)


@given(pieces=PIECES)
def test_a_stretch_that_is_repeated_whole_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[WordsNote]
) -> None:
    header = StreamHeader(call_id="c", stream_id="s", product="meeting", instance_id="i", language="en", sample_rate_hz=RATE_HZ)
    made = recordings.create(tmp_path_factory.mktemp("journal"), header)
    once = read(made, *pieces)
    assert read(made, *pieces).words == once.words
    assert len({(said.channel_id, said.start_ms) for said in once.words}) == len(once.words)
    made.close()
