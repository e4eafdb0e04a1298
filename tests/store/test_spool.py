"""The spool keeps undelivered batches in order and over restarts."""

from pathlib import Path

from cc_voice.call.batch import StageReached
from cc_voice.store import spool


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
