"""The spool keeps undelivered batches in order and over restarts."""

from pathlib import Path

import msgspec

from cc_voice.call.batch import CallMeasured, StageReached
from cc_voice.media import spool
from tests.call.golden import THRESHOLDS
from tests.stored_calls import golden_call


def stage(name: str) -> StageReached:
    return StageReached(call_id="c", stream_id="s", epoch=1, stage=name)


def test_batches_wait_in_order_until_they_are_removed(tmp_path: Path) -> None:
    ids = [spool.put(tmp_path / "spool", stage(name)) for name in ("recorded", "transcribed", "measured")]
    assert list(spool.waiting(tmp_path / "spool")) == ids
    assert [spool.read(tmp_path / "spool", batch_id) for batch_id in ids] == [
        stage(n) for n in ("recorded", "transcribed", "measured")
    ]
    spool.remove(tmp_path / "spool", ids[0])
    spool.remove(tmp_path / "spool", ids[0])
    assert spool.read(tmp_path / "spool", ids[0]) is None
    assert list(spool.waiting(tmp_path / "spool")) == ids[1:]


def test_a_half_written_batch_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "00000-1.batch.77.part").write_bytes(b"half")
    assert list(spool.waiting(tmp_path)) == []


def test_an_empty_site_has_no_spool(tmp_path: Path) -> None:
    assert list(spool.waiting(tmp_path / "absent")) == []


def test_a_batch_that_an_earlier_version_left_is_read(tmp_path: Path) -> None:
    """Columns that came later are missing in it; only those of the first version are needed."""
    call = golden_call()
    batch_id = spool.put(
        tmp_path, CallMeasured(call_id="golden", stream_id="s1", epoch=1, revision=1, thresholds=THRESHOLDS, call=call)
    )
    (path,) = tmp_path.iterdir()
    plain = msgspec.msgpack.decode(path.read_bytes())
    for said in plain["batch"]["call"]["utterances"]:
        del said["is_question"], said["loudness_mean"]
    path.write_bytes(msgspec.msgpack.encode(plain))
    found = spool.read(tmp_path, batch_id)
    assert isinstance(found, CallMeasured)
    assert {said.is_question for said in found.call.utterances} == {None}
