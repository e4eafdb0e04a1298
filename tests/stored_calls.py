"""An empty store and calls to put into it, through the same door as the appliance's own."""

import datetime
import functools
import tempfile
import uuid
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from cc_voice.call.batch import CallMeasured
from cc_voice.call.measure import measure
from cc_voice.call.metrics.evidence import IntervalRow
from cc_voice.call.rows import (
    CallRow,
    LegLanguageRow,
    LegRow,
    MeasuredCall,
    NullReasonRow,
    RuleHitRow,
    RuleRows,
    RuleStateRow,
    RuleVersion,
    UtteranceRow,
    WordRow,
)
from cc_voice.config.settings import Site
from cc_voice.media import form_sets
from cc_voice.quality.forms.evaluation_rows import with_evaluations
from cc_voice.store.batches import write_batch
from cc_voice.store.database import Database
from tests.call.golden import THRESHOLDS, golden_stream, golden_stream_heard_twice

Connection = duckdb.DuckDBPyConnection
SITE = Site(site_id=1, name="Berlin", timezone="Europe/Berlin")
NOON = datetime.datetime(2026, 11, 2, 11, tzinfo=datetime.UTC)
"""Noon of a Monday in Berlin."""


def new_store() -> Connection:
    """Open an empty store that is nobody's: its file has no name any more, what is left of it goes with the process."""
    path = Path(scratch_folder().name) / f"{uuid.uuid4().hex}.duckdb"
    path.write_bytes(empty_file())
    con = duckdb.connect(path, config={"threads": 2})
    path.unlink()
    return con


@functools.cache
def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cc-voice-stores-")


@functools.cache
def empty_file() -> bytes:
    """A store in which nothing is yet, as the migrations leave it: they are run once for all tests of a process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.duckdb"
        Database.open(path).close()
        return path.read_bytes()


def new_database(path: Path) -> Database:
    """Open an empty store in a file that is not there yet; `Database.open` would run every migration for it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("xb") as file:
        file.write(empty_file())
    return Database.open(path)


def batch_of(call: MeasuredCall) -> CallMeasured:
    """Return what a worker delivers when it has measured a call."""
    return CallMeasured(
        call_id=call.call.call_id, stream_id=call.call.call_id, epoch=1, revision=1, thresholds=THRESHOLDS, call=call
    )


def write(con: Connection, call: MeasuredCall, site: Site = SITE) -> None:
    con.begin()
    assert write_batch(con, batch_of(call), site)
    con.commit()


def golden_call() -> MeasuredCall:
    return measure([golden_stream()], THRESHOLDS)


def golden_call_heard_twice() -> MeasuredCall:
    return measure([golden_stream_heard_twice()], THRESHOLDS)


def ruled(call: MeasuredCall) -> MeasuredCall:
    """Return a call in which a rule found the first words of an utterance, a step of each leg is missed, and forms judge it."""
    said = call.utterances[0]
    hit = RuleHitRow(
        leg_id=said.leg_id or call.legs[0].leg_id,
        rule_id="greeting",
        condition="said",
        party=said.party,
        channel_id=said.channel_id,
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        utterance_id=said.utterance_id,
        first_word_seq=1,
        last_word_seq=1,
        expression=0,
        matched_text=said.text.split()[0],
        source=said.source,
        conf=0.9,
        timed=True,
        hit_key=f"hit of {call.call.call_id}",
    )
    greeting = RuleVersion(
        rule_id="greeting", version=1, title="Agent greets", folder="Opening", kind="step", state="live", alert=False
    )
    states = tuple(RuleStateRow(leg_id=leg.leg_id, rule_id="greeting", state=0, reason=None, value=None) for leg in call.legs)
    found = RuleRows(rule_set="0" * 64, versions=(greeting,), hits=(hit,), states=states)
    return with_evaluations(msgspec.structs.replace(call, rules=found), form_sets.evaluators(Path("no such folder")), 0.6)


def unix_ms(at: datetime.datetime) -> int:
    return int(at.timestamp() * 1000)


def leg(call_id: str, number: int = 1, *, agent: str = "ana", queue: str = "billing", **columns: Any) -> LegRow:
    """A leg of a minute, all of it analysed; `columns` are measured numbers."""
    start_ms = (number - 1) * 60_000
    values: dict[str, Any] = {
        "interaction_ms": 60_000,
        "analysed_ms": 60_000,
        "start_ms": start_ms,
        "end_ms": start_ms + 60_000,
        "answered_unix_ms": unix_ms(NOON) + start_ms,
        "ended_unix_ms": unix_ms(NOON) + start_ms + 60_000,
        "transferred_out": False,
    }
    return LegRow(
        leg_id=f"{call_id}-{number}",
        call_id=call_id,
        leg_no=number,
        agent_user_id=agent,
        agent_name=agent.title(),
        queue_id=queue,
        queue_name=queue.title(),
        metric_version="1",
        threshold_set_id=1,
        **(values | columns),
    )


def say(call_id: str, party: str, start_ms: int, text: str, *, number: int = 1, conf: float = 0.9) -> UtteranceRow:
    """An utterance of a second."""
    return UtteranceRow(
        utterance_id=f"{call_id}:{party}:{start_ms}",
        call_id=call_id,
        leg_id=f"{call_id}-{number}",
        channel_id=party,
        seq=start_ms,
        party=party,
        source="local",
        start_ms=start_ms,
        end_ms=start_ms + 1_000,
        language_code="en",
        lid_conf=None,
        text=text,
        word_count=len(text.split()),
        asr_conf=conf,
        is_backchannel=False,
        is_question=None,
        on_hold=False,
        asr_model="tiny",
        redaction_count=0,
    )


def words_of(said: UtteranceRow) -> tuple[WordRow, ...]:
    return tuple(
        WordRow(
            utterance_id=said.utterance_id,
            word_seq=place,
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            word=word,
            conf=said.asr_conf,
            language_code=said.language_code,
        )
        for place, word in enumerate(said.text.split(), start=1)
    )


def interval(call_id: str, kind: str, start_ms: int, end_ms: int, *, party: str = "agent", number: int = 1) -> IntervalRow:
    return IntervalRow(leg_id=f"{call_id}-{number}", kind=kind, start_ms=start_ms, end_ms=end_ms, party=party, metric_version="1")


def call(
    call_id: str,
    *legs: LegRow,
    at: datetime.datetime = NOON,
    said: tuple[UtteranceRow, ...] = (),
    intervals: tuple[IntervalRow, ...] = (),
    languages: tuple[LegLanguageRow, ...] = (),
    reasons: dict[str, str] | None = None,
    **columns: Any,
) -> MeasuredCall:
    """A call of legs made with `leg`; `at` moves call and legs together. `reasons` of the first leg: metric → why it is NULL."""
    moved_ms = unix_ms(at) - unix_ms(NOON)
    moved = tuple(_moved(row, moved_ms) for row in legs)
    values: dict[str, Any] = {"primary_language": "en", "leg_count": len(legs)} | columns
    row = CallRow(
        call_id=call_id,
        product="contact_center",
        instance_id=f"instance of {call_id}",
        start_unix_ms=unix_ms(at),
        end_unix_ms=unix_ms(at) + 60_000 * len(legs),
        **({"redaction": "silenced"} | values),
    )
    return MeasuredCall(
        call=row,
        channels=(),
        legs=moved,
        leg_languages=languages,
        utterances=said,
        words=tuple(word for utterance in said for word in words_of(utterance)),
        intervals=intervals,
        events=(),
        null_reasons=tuple(NullReasonRow(leg_id=f"{call_id}-1", metric=m, reason=why) for m, why in (reasons or {}).items()),
    )


def _moved(row: LegRow, by_ms: int) -> LegRow:
    return msgspec.structs.replace(row, answered_unix_ms=row.answered_unix_ms + by_ms, ended_unix_ms=row.ended_unix_ms + by_ms)
