"""Downloads over a real server on loopback: cut, resumed, lied to, led astray."""

import random
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice.speech.errors import FetchError
from cc_voice.speech.models import downloads
from tests.conftest import PATIENCE_S, examples
from tests.speech.archives import Archives, Behaviour, serving

BODY = random.Random(4).randbytes(40_000)
MOST = 1_000_000
ETAG = '"first"'


@pytest.fixture
def server() -> Iterator[Archives]:
    with serving(BODY) as archives:
        yield archives


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "model.zip"


def fetch(client: httpx.Client, server: Archives, part: Path, path: str = "/model.zip", most: int = MOST) -> list[int]:
    """Download and return what was told of the progress."""
    told: list[int] = []
    downloads.download(client, server.url + path, part, most_bytes=most, progress=lambda done, total: told.append(done))
    return told


def test_a_whole_file_comes_in_one_piece(client: httpx.Client, server: Archives, part: Path) -> None:
    told = fetch(client, server, part)
    assert part.read_bytes() == BODY
    assert told[-1] == len(BODY)
    assert [one.range for one in server.requests] == [None]


def test_what_was_cut_goes_on_at_once(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan += [Behaviour(cut_after=9_000, etag=ETAG), Behaviour(cut_after=5_000, etag=ETAG), Behaviour(etag=ETAG)]
    fetch(client, server, part)
    assert part.read_bytes() == BODY
    assert [(one.range, one.if_range) for one in server.requests] == [
        (None, None),
        ("bytes=9000-", ETAG),
        ("bytes=14000-", ETAG),
    ]


def test_a_later_command_goes_on_where_the_first_was_cut(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan += [Behaviour(cut_after=9_000), Behaviour(status=503)]
    with pytest.raises(FetchError, match="status 503; try later"):
        fetch(client, server, part)
    assert part.read_bytes() == BODY[:9_000]
    fetch(client, server, part)
    assert part.read_bytes() == BODY
    assert server.requests[-1].range == "bytes=9000-"


def test_a_finished_file_is_not_asked_for_again(client: httpx.Client, server: Archives, part: Path) -> None:
    fetch(client, server, part)
    fetch(client, server, part)
    assert len(server.requests) == 1


def test_a_server_without_ranges_sends_the_whole_again(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan += [Behaviour(cut_after=9_000, ranges=False), Behaviour(ranges=False)]
    fetch(client, server, part)
    assert part.read_bytes() == BODY


def test_another_version_is_not_sewn_to_the_first(client: httpx.Client, server: Archives, part: Path) -> None:
    """By its mark where the server gives one, by its size where it gives none."""
    server.plan += [Behaviour(cut_after=9_000, etag=ETAG, body=bytes(30_000)), Behaviour(etag='"second"')]
    fetch(client, server, part)
    assert part.read_bytes() == BODY
    downloads.discard(part)
    server.plan += [Behaviour(cut_after=9_000, body=bytes(30_000))]
    fetch(client, server, part)
    assert part.read_bytes() == BODY


def test_a_weak_mark_is_not_used_to_go_on(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan += [Behaviour(cut_after=9_000, etag='W/"weak"')]
    fetch(client, server, part)
    assert server.requests[-1].if_range is None
    assert part.read_bytes() == BODY


def test_a_part_of_another_address_is_not_gone_on_with(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan += [Behaviour(cut_after=9_000), Behaviour(status=500)]
    with pytest.raises(FetchError):
        fetch(client, server, part, "/other.zip")
    fetch(client, server, part)
    assert server.requests[-1].range is None
    assert part.read_bytes() == BODY


@pytest.mark.parametrize("answer", [Behaviour(range_from=100), Behaviour(status=416)])
def test_a_range_that_was_not_asked_for_starts_anew(client: httpx.Client, server: Archives, part: Path, answer: Behaviour) -> None:
    server.plan += [Behaviour(cut_after=9_000), answer]
    fetch(client, server, part)
    assert part.read_bytes() == BODY


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(
        st.builds(
            Behaviour,
            cut_after=st.none() | st.integers(0, 40_000),
            ranges=st.booleans(),
            etag=st.sampled_from([None, ETAG, '"second"', 'W/"weak"']),
            status=st.sampled_from([200, 200, 200, 404, 416, 500, 206]),
        ),
        max_size=6,
    )
)
def test_whatever_the_server_does_the_file_is_right_or_not_there(
    client: httpx.Client, server: Archives, plan: list[Behaviour], tmp_path: Path
) -> None:
    server.plan.clear()
    server.plan += plan
    part = tmp_path / "model.zip"
    downloads.discard(part)
    for _ in range(len(plan) + 1):
        try:
            fetch(client, server, part)
            break
        except FetchError:
            assert not part.exists() or BODY.startswith(part.read_bytes())
    assert part.read_bytes() == BODY


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Behaviour(status=404), r"model\.zip is not there \(status 404\)"),
        (Behaviour(status=403), "may not be read .status 403"),
        (Behaviour(status=500), "was answered with status 500"),
        (Behaviour(status=206), "was answered with status 206"),
        (Behaviour(status=416), "was answered with status 416"),
        (Behaviour(status=304), "was answered with status 304"),
        (Behaviour(cut_after=0), "cannot be fetched: .*; nothing came"),
        (Behaviour(length=10_000_000), "is larger than 1 MB"),
    ],
)
def test_refusals_say_what_to_do(client: httpx.Client, server: Archives, part: Path, answer: Behaviour, message: str) -> None:
    server.plan.append(answer)
    with pytest.raises(FetchError, match=message):
        fetch(client, server, part)


def test_a_promise_that_is_never_kept_is_given_up(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan += [Behaviour(length=50_000, ranges=False)] * 40
    with pytest.raises(FetchError, match="are here, the same command goes on"):
        fetch(client, server, part)
    assert len(server.requests) == 2


def test_a_server_that_gives_a_little_each_time_is_not_asked_for_ever(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan += [Behaviour(cut_after=10)] * 100
    with pytest.raises(FetchError, match=f"was cut {downloads.TRIES} times"):
        fetch(client, server, part)
    assert part.stat().st_size == 10 * downloads.TRIES


def test_more_than_was_promised_is_not_read(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan.append(Behaviour(length=1_000))
    fetch(client, server, part)
    assert part.read_bytes() == BODY[:1_000]


def test_a_file_that_never_ends_is_stopped_and_makes_room(client: httpx.Client, server: Archives, part: Path) -> None:
    with pytest.raises(FetchError, match="is larger than 0 MB"):
        fetch(client, server, part, most=20_000)
    assert list(part.parent.iterdir()) == []


def test_silence_ends_in_words_and_what_came_is_kept(server: Archives, part: Path) -> None:
    woken = Event()
    server.plan += [Behaviour(hold=lambda: woken.wait(PATIENCE_S)), Behaviour(status=500)]
    with httpx.Client(trust_env=False, timeout=1.0) as impatient, pytest.raises(FetchError, match="status 500"):
        fetch(impatient, server, part)
    woken.set()
    assert part.read_bytes() == BODY[: len(part.read_bytes())]
    assert part.stat().st_size >= 20_000
    with httpx.Client(trust_env=False, timeout=PATIENCE_S) as patient:
        fetch(patient, server, part)
    assert part.read_bytes() == BODY


def test_nobody_listens(client: httpx.Client, part: Path) -> None:
    with serving(b"") as gone:
        pass
    with pytest.raises(FetchError, match=r"http://127\.0\.0\.1:\d+/model\.zip cannot be fetched: .*nothing came"):
        fetch(client, gone, part)


# ---- redirects


def test_redirects_are_followed_a_few_times(client: httpx.Client, server: Archives, part: Path) -> None:
    server.plan += [Behaviour(status=302, location="/there.zip"), Behaviour(status=307, location=f"{server.url}/and/there.zip")]
    fetch(client, server, part)
    assert [one.path for one in server.requests] == ["/model.zip", "/there.zip", "/and/there.zip"]
    assert part.read_bytes() == BODY
    server.plan += [Behaviour(status=302, location="/round.zip")] * 9
    downloads.discard(part)
    with pytest.raises(FetchError, match="one redirect too many"):
        fetch(client, server, part)


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/model.zip", "file:///etc/passwd", "data:,x", "http://[::bad/"])
def test_a_redirect_out_of_http_is_not_followed(client: httpx.Client, server: Archives, part: Path, location: str) -> None:
    server.plan.append(Behaviour(status=302, location=location))
    with pytest.raises(FetchError, match=r"redirects to|Invalid URL in location"):
        fetch(client, server, part)
    assert not part.exists()


def test_a_redirect_never_leads_out_of_tls() -> None:
    assert downloads.redirected("https://a.example/x.zip", "//b.example/y.zip") == "https://b.example/y.zip"
    assert downloads.redirected("http://a.example/x.zip", "https://a.example/x.zip") == "https://a.example/x.zip"
    with pytest.raises(FetchError, match="unencrypted http"):
        downloads.redirected("https://a.example/x.zip", "http://a.example/x.zip")


# ---- secrets and room


def test_credentials_reach_their_server_and_nobody_else(client: httpx.Client, server: Archives, part: Path) -> None:
    with serving(BODY) as other:
        secret = server.url.replace("//", "//user:s3cret@")
        server.plan += [Behaviour(status=302, location=f"{other.url}/model.zip")] * 2
        other.plan += [Behaviour(cut_after=9_000), Behaviour(status=401)]
        with pytest.raises(FetchError) as caught:
            downloads.download(client, f"{secret}/model.zip?token=s3cret", part, most_bytes=MOST, progress=lambda done, total: None)
    assert server.requests[0].authorization is not None
    assert other.requests[0].authorization is None
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in part.with_name("model.zip.json").read_text()


@pytest.mark.parametrize("url", ["http://[::bad/x.zip", "http://host:port/x.zip", "http:///x.zip", "nonsense"])
def test_what_is_no_url_is_said_to_be_none(client: httpx.Client, part: Path, url: str) -> None:
    with pytest.raises(FetchError, match=r"is no URL|cannot be fetched"):
        downloads.download(client, url, part, most_bytes=MOST, progress=lambda done, total: None)


def test_room_on_the_disk_is_looked_for_first(tmp_path: Path) -> None:
    downloads.need_room(tmp_path, 1)
    with pytest.raises(FetchError, match=r"needs 1000000\d+ MB and \d+ MB are free"):
        downloads.need_room(tmp_path, 10**18)
