"""Models brought here from a server, a folder and an archive: whole under their name, or not at all."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import msgspec
import pytest

from cc_voice.speech.errors import FetchError, ModelError
from cc_voice.speech.models import installation
from cc_voice.speech.models.installation import Fetched, Order
from cc_voice.speech.models.inventory import RECORD, check, choose, installed
from cc_voice.speech.models.model_list import FILE
from tests.conftest import PATIENCE_S
from tests.media.test_full_disk import room_for
from tests.speech.archives import NAME, OWN, Archives, Behaviour, listed, model_folder, serving, zipped

NOW = datetime(2026, 11, 1, 10, tzinfo=UTC)
LATER = datetime(2026, 12, 1, 10, tzinfo=UTC)
Fetch = Callable[..., Fetched]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is not reached through whatever proxy this machine has."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return model_folder(tmp_path / "source")


@pytest.fixture
def server(source: Path) -> Iterator[Archives]:
    with serving(zipped(source)) as archives:
        yield archives


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def fetch(models_dir: Path) -> Fetch:
    def order(source: str | Path | None, name: str = NAME, now: datetime = NOW, **more: object) -> Fetched:
        return installation.fetch(Order(name=name, source=str(source) if source else None, **more), models_dir, now)

    return order


def left_over(models_dir: Path) -> list[str]:
    """What lies among the models beside models, locks and checksums."""
    names = [path.relative_to(models_dir).as_posix() for path in models_dir.glob(".incoming/*")]
    return sorted(name for name in names if not name.endswith(".lock"))


def test_a_model_is_fetched_checked_and_chosen(fetch: Fetch, server: Archives, models_dir: Path) -> None:
    done = fetch(server.url)
    assert [one.path for one in server.requests] == [f"/{NAME}.zip"]
    assert done.is_new
    assert done.trusted_since is None
    assert choose(installed(models_dir), "pt-BR") == done.model
    check(done.model)
    assert done.model.record is not None
    assert (done.model.record.source, done.model.record.installed_at) == (f"{server.url}/{NAME}.zip", "2026-11-01T10:00:00+00:00")
    assert done.model.record.archive_sha256 == hashlib.sha256(server.body).hexdigest()
    assert "am/final.mdl" in done.model.files
    assert RECORD not in done.model.files
    assert left_over(models_dir) == []


def test_what_is_here_and_whole_is_not_fetched_again(fetch: Fetch, server: Archives) -> None:
    fetch(server.url)
    assert not fetch(server.url).is_new
    assert len(server.requests) == 1
    assert fetch(server.url, again=True).is_new


@pytest.mark.parametrize("file", ["am/final.mdl", RECORD])
def test_a_damaged_model_is_found_and_fetched_anew(fetch: Fetch, server: Archives, file: str) -> None:
    model = fetch(server.url).model
    damaged = (model.path / file).read_bytes()[:-300]
    (model.path / file).write_bytes(damaged)
    with pytest.raises(ModelError, match=r"damaged|cannot be used"):
        check(next(one for one in installed(model.path.parent) if one.name == NAME))
    done = fetch(server.url)
    assert done.is_new
    check(done.model)


def test_a_flipped_bit_is_found_by_the_checksums_of_the_installation(fetch: Fetch, server: Archives) -> None:
    model = fetch(server.url).model
    data = bytearray((model.path / "graph/HCLr.fst").read_bytes())
    data[len(data) // 2] ^= 1
    (model.path / "graph/HCLr.fst").write_bytes(data)
    check(model, sums=False)
    with pytest.raises(ModelError, match=r"damaged graph/HCLr\.fst; install it again"):
        check(model)


# ---- trust on first use


def test_another_archive_under_the_same_name_is_refused_until_it_is_trusted(
    fetch: Fetch, server: Archives, source: Path, models_dir: Path
) -> None:
    first = server.body
    fetch(server.url)
    installation.remove(NAME, models_dir)
    (source / "README").write_text("A new edition.")
    server.body = zipped(source)
    with pytest.raises(FetchError, match=rf"another than the one from {server.url}/{NAME}\.zip on 2026-11-01.*--trust-new"):
        fetch(server.url, now=LATER)
    assert not (models_dir / NAME).exists()
    assert fetch(server.url, now=LATER, trust_new=True).trusted_since is None
    server.body = first
    with pytest.raises(FetchError, match="another than the one"):
        fetch(server.url, again=True)


def test_the_same_archive_from_elsewhere_is_known(fetch: Fetch, server: Archives, tmp_path: Path, models_dir: Path) -> None:
    fetch(server.url)
    (tmp_path / "usb.zip").write_bytes(server.body)
    done = fetch(tmp_path / "usb.zip", now=LATER, again=True)
    assert done.trusted_since == "2026-11-01T10:00:00+00:00"


@pytest.mark.parametrize("right", [True, False])
def test_a_checksum_known_from_elsewhere_decides(fetch: Fetch, server: Archives, models_dir: Path, right: bool) -> None:
    digest = hashlib.sha256(server.body if right else b"").hexdigest().upper()
    if right:
        assert fetch(server.url, sha256=digest).is_new
    else:
        with pytest.raises(FetchError, match="which is not the one given; nothing was installed"):
            fetch(server.url, sha256=digest)
        assert not (models_dir / NAME).exists()


def test_a_damaged_record_of_trust_is_told(fetch: Fetch, server: Archives, models_dir: Path) -> None:
    fetch(server.url)
    (models_dir / ".trusted" / f"{NAME}.json").write_text("{")
    with pytest.raises(FetchError, match="is damaged; remove it to trust anew"):
        fetch(server.url, again=True)


# ---- what the makers' list says


class Heard(installation.FetchProgress):
    """Keeps what was told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_the_manifests_md5_refuses_an_archive_where_no_list_says_better(fetch: Fetch, server: Archives, models_dir: Path) -> None:
    server.list = None
    with pytest.raises(
        FetchError, match=rf"the manifest says 458c.*say --list https://alphacephei\.com/vosk/models/{FILE}, or take"
    ):
        fetch(server.url)
    assert left_over(models_dir) == [], "a damaged download is not gone on with"
    assert not (models_dir / NAME).exists()
    assert fetch(server.url, trust_new=True).is_new


def test_a_served_list_counts_for_more_than_the_manifest_and_is_told(server: Archives, models_dir: Path) -> None:
    heard = Heard()
    done = installation.fetch(Order(name=NAME, source=server.url), models_dir, NOW, heard)
    md5 = hashlib.md5(server.body).hexdigest()
    (warning,) = heard.warnings
    assert warning == (
        f"{server.url}/{FILE} says of {NAME}: size {len(server.body)} instead of 32453112, MD5 {md5} instead of "
        "458c69371c5a0b9ab6ee8fa417bf89da in the manifest; the list counts"
    )
    assert done.model.record is not None
    assert done.model.record.archive_md5 == md5


def test_an_archive_unlike_the_served_list_is_refused(fetch: Fetch, server: Archives, models_dir: Path) -> None:
    server.list = json.dumps([listed(server.body + b"!")]).encode()
    with pytest.raises(FetchError, match=rf"and {server.url}/{FILE} says .* damaged or of another edition"):
        fetch(server.url)
    assert left_over(models_dir) == []
    digest = hashlib.sha256(server.body).hexdigest()
    assert fetch(server.url, sha256=digest).is_new, "a SHA-256 that the operator gives says more than MD5"
    assert fetch(server.url, again=True).trusted_since, "and an archive that is trusted stays so"


@pytest.mark.parametrize("kind", ["url", "file"])
def test_a_list_may_be_elsewhere_and_say_where_the_archive_is(fetch: Fetch, server: Archives, tmp_path: Path, kind: str) -> None:
    url = f"{server.url}/new/place.zip"
    server.list = json.dumps([listed(server.body, url=url)]).encode()
    (tmp_path / "list.json").write_bytes(server.list)
    assert fetch(None, listing=f"{server.url}/{FILE}" if kind == "url" else str(tmp_path / "list.json")).is_new
    assert [one.path for one in server.requests] == ["/new/place.zip"]


def test_a_model_that_only_the_list_knows_is_installed_with_its_language(fetch: Fetch, server: Archives, source: Path) -> None:
    name = "vosk-model-small-kz-0.99"
    server.body = zipped(source, name)
    server.list = json.dumps([listed(server.body, name, lang="kz")]).encode()
    model = fetch(server.url, name).model
    assert (model.name, model.language, model.small, model.licence) == (name, "kk", True, "not stated")
    assert model.sample_rate_hz == 16000, "as its mfcc.conf says"
    check(model)


def test_a_list_that_must_be_there_is_missed(fetch: Fetch, server: Archives) -> None:
    server.list = None
    for listing in (f"{server.url}/{FILE}", "/nowhere/list.json"):
        with pytest.raises(FetchError, match="is not there, or may not be read; --list takes"):
            fetch(server.url, listing=listing)
    server.list = b"<!DOCTYPE html>"
    with pytest.raises(FetchError, match=rf"{server.url}/{FILE} is no list of models"):
        fetch(server.url)
    server.list = b"[" + b" " * 6_000_000 + b"]"
    with pytest.raises(FetchError, match="is larger than 5 MB"):
        fetch(server.url)
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vosk-model-nl-spraakherkenning-0.6", "is not for commercial use: its licence is CC-BY-NC-SA"),
        ("vosk-model-ru-0.42", "the licence of vosk-model-ru-0.42 is not stated"),
        ("vosk-model-ar-mgb2-0.4", "is obsolete: its makers have a better one"),
    ],
)
def test_what_an_operator_should_know_is_told(source: Path, models_dir: Path, name: str, says: str) -> None:
    heard = Heard()
    installation.fetch(Order(name=name, source=str(source.rename(source.with_name(name)))), models_dir, NOW, heard)
    assert len(heard.warnings) == 1
    assert says in heard.warnings[0]


# ---- broken sources


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda whole: whole[: len(whole) // 2], "no zip archive"),
        (lambda whole: b"<!DOCTYPE html><p>Please sign in", "no zip archive"),
        (lambda whole: b"", "no zip archive"),
    ],
)
def test_what_is_no_archive_leaves_nothing(
    fetch: Fetch, server: Archives, models_dir: Path, body: Callable[[bytes], bytes], message: str
) -> None:
    whole, server.body = server.body, body(server.body)
    with pytest.raises(FetchError, match=message):
        fetch(server.url)
    assert not (models_dir / NAME).exists()
    assert left_over(models_dir) == []
    server.body = whole
    assert fetch(server.url).is_new


@pytest.mark.parametrize("missing", ["am/final.mdl", "graph/words.txt", "conf/mfcc.conf"])
def test_an_incomplete_model_is_not_put_in_place(
    fetch: Fetch, server: Archives, source: Path, models_dir: Path, missing: str
) -> None:
    fetch(server.url)
    (source / missing).unlink()
    with pytest.raises(ModelError, match=r"lacks|No such file"):
        fetch(source, again=True)
    check(choose(installed(models_dir), "pt") or pytest.fail("the earlier model is gone"))
    assert left_over(models_dir) == []


def test_a_download_larger_than_such_a_model_is_not_read(fetch: Fetch, server: Archives, models_dir: Path) -> None:
    server.plan.append(Behaviour(length=500_000_000))
    with pytest.raises(FetchError, match="is larger than 53 MB, which this model is not"):
        fetch(server.url)
    assert left_over(models_dir) == []


def test_one_model_under_the_name_of_another_is_refused(fetch: Fetch, tmp_path: Path, models_dir: Path) -> None:
    spanish = model_folder(tmp_path, "vosk-model-small-es-0.42")
    (tmp_path / "es.zip").write_bytes(zipped(spanish))
    for wrong in (tmp_path / "es.zip", spanish):
        with pytest.raises(FetchError, match=r"what was to be vosk-model-small-pt-0\.3 is vosk-model-small-es-0\.42"):
            fetch(wrong)
    assert not (models_dir / NAME).exists()


def test_a_cut_download_goes_on_with_the_next_command(fetch: Fetch, server: Archives, models_dir: Path) -> None:
    server.plan += [Behaviour(cut_after=100_000), Behaviour(status=500)]
    with pytest.raises(FetchError, match="status 500"):
        fetch(server.url)
    assert left_over(models_dir) == [f".incoming/{NAME}.zip", f".incoming/{NAME}.zip.json"]
    assert fetch(server.url).is_new
    assert server.requests[-1].range == "bytes=100000-"
    assert left_over(models_dir) == []


# ---- folders and archives of this machine


def test_a_model_comes_from_its_folder_its_archive_or_a_folder_of_many(fetch: Fetch, source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "many" / f"{NAME}.zip"
    archive.parent.mkdir()
    archive.write_bytes(zipped(source))
    (archive.parent / "model-list.json").write_text(json.dumps([listed(archive.read_bytes())]))
    for place in (source, source.parent, archive.parent, archive):
        done = fetch(place, again=True)
        assert done.is_new
        assert done.model.record is not None
        assert done.model.record.source == str(archive if place in (archive, archive.parent) else source)
        check(done.model)
    assert archive.exists()


def test_a_model_of_the_site_brings_its_own_description(fetch: Fetch, tmp_path: Path, models_dir: Path) -> None:
    own = model_folder(tmp_path / "made here", OWN)
    done = fetch(own, OWN)
    assert (done.model.language, done.model.sample_rate_hz, done.model.licence, done.model.small) == ("fi", 8000, "MIT", True)
    (own / "model.toml").unlink()
    with pytest.raises(ModelError, match=r"is not listed and holds no model\.toml"):
        fetch(own, OWN, again=True)
    check(choose(installed(models_dir), "fi") or pytest.fail("the earlier model is gone"))


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_links_and_devices_in_a_folder_are_refused(fetch: Fetch, source: Path, models_dir: Path, kind: str) -> None:
    if kind == "link":
        (source / "conf" / "passwords").symlink_to("/etc/passwd")
    else:
        os.mkfifo(source / "conf" / "pipe")
    with pytest.raises(FetchError, match="is a link or a device; nothing was installed"):
        fetch(source)
    assert not (models_dir / NAME).exists()


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("nobody", None, "there is no model nobody"),
        ("../evil", "/tmp", "cannot be a model's name"),
        (".hidden", "/tmp", "cannot be a model's name"),
        ("mini-en-test", None, "ships with the product"),
        (NAME, "/nowhere/at/all", "is not there; --from takes"),
        (NAME, "{empty}", f"holds neither {NAME}/ nor {NAME}.zip"),
    ],
)
def test_a_wrong_order_is_explained(fetch: Fetch, tmp_path: Path, name: str, place: str | None, message: str) -> None:
    with pytest.raises(FetchError, match=message):
        fetch(place.replace("{empty}", str(tmp_path)) if place else None, name)


def test_a_proxy_that_is_none_is_told(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://proxy")
    with pytest.raises(FetchError, match="the proxy of the environment cannot be used"):
        fetch(None)


def test_the_environments_proxy_is_asked(fetch: Fetch, server: Archives, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert fetch("http://mirror.example/models").is_new
    assert [one.path for one in server.requests] == [f"http://mirror.example/models/{NAME}.zip"]


# ---- the disk, other commands, killed commands


@pytest.mark.parametrize("room", [0, 1000, 100_000, 700_000])
def test_a_full_disk_installs_nothing_and_keeps_what_was_here(fetch: Fetch, server: Archives, models_dir: Path, room: int) -> None:
    before = fetch(server.url).model
    with room_for(room), pytest.raises(OSError):
        fetch(server.url, again=True)
    check(before)
    assert choose(installed(models_dir), "pt") == before
    assert fetch(server.url, again=True).is_new


def test_a_disk_without_room_is_told_before_anything_is_unpacked(
    fetch: Fetch, server: Archives, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=65_000_000))
    with pytest.raises(FetchError, match="MB and 65 MB are free there; make room"):
        fetch(server.url)
    assert not (models_dir / NAME).exists()


def test_two_commands_do_not_work_on_one_model(fetch: Fetch, server: Archives) -> None:
    busy, go_on = Event(), Event()
    server.plan.append(Behaviour(hold=lambda: (busy.set(), go_on.wait(30))))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(fetch, server.url)
        assert busy.wait(30)
        with pytest.raises(FetchError, match="another command works on the model"):
            fetch(server.url)
        go_on.set()
        assert first.result(30).is_new


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from cc_voice.speech.models import installation

class Dies(installation.FetchProgress):
    def step(self, name):
        self.name = name
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGKILL)
    def progress(self, done, total):
        if f"in {self.name}" == sys.argv[1] and done:
            os.kill(os.getpid(), signal.SIGKILL)

order = installation.Order(name=sys.argv[2], source=sys.argv[3], again=True)
installation.fetch(order, Path(sys.argv[4]), datetime.now(UTC), Dies())
"""


@pytest.mark.parametrize("at", ["download", "in download", "unpack", "in unpack", "check"])
@pytest.mark.parametrize("was_here", [True, False])
def test_a_killed_command_leaves_a_model_whole_or_absent(
    fetch: Fetch, server: Archives, models_dir: Path, at: str, was_here: bool
) -> None:
    before = fetch(server.url).model if was_here else None
    command = [sys.executable, "-c", KILLED, at, NAME, server.url, str(models_dir)]
    done = subprocess.run(command, timeout=PATIENCE_S, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == -signal.SIGKILL
    assert choose(installed(models_dir), "pt") == before
    if before is not None:
        check(before)
    assert fetch(server.url, again=True).is_new
    assert left_over(models_dir) == []


# ---- removal


def test_a_removed_model_is_gone_and_its_checksum_remembered(fetch: Fetch, server: Archives, models_dir: Path) -> None:
    fetch(server.url)
    installation.remove(NAME, models_dir)
    assert choose(installed(models_dir), "pt") is None
    assert left_over(models_dir) == []
    assert fetch(server.url, now=LATER).trusted_since == "2026-11-01T10:00:00+00:00"


def test_a_link_to_a_model_is_removed_and_not_the_model(source: Path, models_dir: Path) -> None:
    models_dir.mkdir()
    (models_dir / NAME).symlink_to(source)
    installation.remove(NAME, models_dir)
    assert not (models_dir / NAME).exists()
    assert (source / "am" / "final.mdl").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mini-en-test", "ships with the product and stays"),
        (NAME, "is not in"),
        ("..", "is not in"),
        ("../recordings", "is not in"),
        (".incoming", "is not in"),
        ("notes", "is no model"),
    ],
)
def test_what_is_no_installed_model_is_not_removed(tmp_path: Path, models_dir: Path, name: str, message: str) -> None:
    for folder in (models_dir / "notes", models_dir / ".incoming", tmp_path / "recordings"):
        folder.mkdir(parents=True)
    with pytest.raises(FetchError, match=message):
        installation.remove(name, models_dir)
    assert (models_dir / "notes").exists()
    assert (tmp_path / "recordings").exists()


def test_a_model_whose_description_is_broken_can_be_removed(tmp_path: Path, models_dir: Path) -> None:
    model_folder(models_dir, OWN)
    (models_dir / OWN / "model.toml").write_text("language = [")
    installation.remove(OWN, models_dir)
    assert not (models_dir / OWN).exists()


def test_records_are_for_people_too(fetch: Fetch, server: Archives) -> None:
    text = (fetch(server.url).model.path / RECORD).read_text()
    assert msgspec.json.decode(text)["archive_sha256"]
    assert len(text.splitlines()) > 10
