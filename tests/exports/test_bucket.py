"""Exports in a bucket: signed requests, only what changed, the manifest before what is deleted."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc_voice.exports import ExportError
from cc_voice.exports.bucket import BucketChanges, mirror
from cc_voice.exports.folder import Options, export
from cc_voice.query import datasets
from cc_voice.query.scope import EVERYTHING
from tests.exports.s3 import KEY, REGION, SECRET, Bucket, serving
from tests.exports.test_lake import fill
from tests.stored_calls import SITE, Connection, new_store

URL = "s3://analytics/site 1"


@pytest.fixture
def con() -> Iterator[Connection]:
    with new_store() as store:
        fill(store, SITE)
        yield store


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with serving() as served:
        for name, value in (
            ("AWS_ENDPOINT_URL", served.url),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", REGION),
        ):
            monkeypatch.setenv(name, value)
        yield served


def exported(con: Connection, folder: Path) -> dict[str, bytes]:
    with datasets.exported(con, EVERYTHING) as source:
        export(source, folder, Options(since_last=True))
    return {f"site 1/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bucket_holds_what_the_folder_does(con: Connection, tmp_path: Path, bucket: Bucket) -> None:
    files = exported(con, tmp_path)
    assert mirror(tmp_path, URL).sent == len(files) - 1
    assert bucket.objects == files
    assert bucket.refused == 0


def test_only_what_changed_is_sent_and_what_is_gone_is_deleted_last(con: Connection, tmp_path: Path, bucket: Bucket) -> None:
    exported(con, tmp_path)
    mirror(tmp_path, URL)
    assert mirror(tmp_path, URL) == BucketChanges(sent=0, deleted=0)
    con.execute("delete from fact_leg where date_key = 20261103; delete from fact_call where date_key = 20261103")
    files = exported(con, tmp_path)
    bucket.requests.clear()
    assert mirror(tmp_path, URL) == BucketChanges(sent=4, deleted=4)  # the CSV files; a day of calls, legs, utterances, words
    assert bucket.objects == files
    verbs = [request.split()[0] for request in bucket.requests]
    assert verbs == ["GET", *["PUT"] * 5, "POST"]
    assert bucket.requests[5].endswith("manifest.json")


def test_a_wrong_secret_is_told_and_not_shown(
    con: Connection, tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong words")
    exported(con, tmp_path)
    with pytest.raises(ExportError, match="cannot export to s3://analytics/site 1") as caught:
        mirror(tmp_path, URL)
    assert "wrong words" not in str(caught.value)
    assert bucket.objects == {}


def test_without_an_export_or_the_extra_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExportError, match="holds no export"):
        mirror(tmp_path, URL)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ExportError, match=r"install cc-voice\[lake\]"):
        mirror(tmp_path, URL)
