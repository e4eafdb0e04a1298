"""URLs: which URLs may be opened, and which is taken."""

import pytest

from cc_voice.rtms.errors import UrlError
from cc_voice.rtms.urls import UrlPolicy, first_url, media_url

STRICT = UrlPolicy(allowed_hosts=("zoom.us", "zoomgov.com"))
LOOSE = UrlPolicy(allowed_hosts=("zoom.us", "simulator"), allow_insecure=True)


@pytest.mark.parametrize(
    "url",
    [
        "wss://zoom.us/x",
        "wss://rtms-sjc1.a.zoom.us:443/x?token=1",
        "WSS://A.ZOOM.US/x",
        "wss://a.zoomgov.com",
        "wss://a.zoom.us./x",
    ],
)
def test_zooms_servers(url: str) -> None:
    assert STRICT.check(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ws://a.zoom.us/x",
        "https://a.zoom.us/x",
        "wss://evilzoom.us/x",
        "wss://zoom.us.evil.com/x",
        "wss://a.zoom.us@evil.com/x",
        "wss://user:secret@a.zoom.us/x",
        "wss://a.zoom.us/x#fragment",
        "wss://a.zoom.us/x#",
        "wss://evil.com\\.zoom.us/x",
        "wss://evil.com%2F.zoom.us:x/",
        "wss://a.zoom.us:99999/x",
        "wss://[::1]/x",
        "wss://127.0.0.1/x",
        "wss://localhost/x",
        "wss://10.0.0.1/x",
        "wss://a b.zoom.us/x",
        "wss:///x",
        "wss://",
        "",
        "wss://[bad/x",
    ],
)
def test_nothing_else(url: str) -> None:
    with pytest.raises(UrlError):
        STRICT.check(url)


@pytest.mark.parametrize(
    "url",
    ["ws://127.0.0.1:80/x", "ws://0.0.0.0:1/x", "ws://[::1]:5/", "ws://localhost/x", "ws://simulator:8080/x", "wss://a.zoom.us"],
)
def test_the_test_switch_allows_this_machine_and_plain_links(url: str) -> None:
    assert LOOSE.check(url) == url


@pytest.mark.parametrize("url", ["ws://evil.com/x", "ws://10.0.0.1/", "http://127.0.0.1/", "ws://u@127.0.0.1/"])
def test_the_test_switch_allows_no_more(url: str) -> None:
    with pytest.raises(UrlError):
        LOOSE.check(url)


def test_this_machine_is_not_allowed_by_naming_it() -> None:
    with pytest.raises(UrlError):
        UrlPolicy(allowed_hosts=("localhost", "127.0.0.1")).check("wss://localhost/x")


def test_an_error_does_not_show_tokens() -> None:
    with pytest.raises(UrlError) as refused:
        STRICT.check("wss://evil.com/x?token=secret")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("value", [None, 5, "", " , ", [], [None], {}, {"audio": 5}])
def test_no_url(value: object) -> None:
    assert first_url(value) is None


def test_media_urls_by_preference() -> None:
    offered = {"all": "wss://x", "audio": "wss://a", "video": "wss://v"}
    assert media_url(offered, ("audio", "all")) == "wss://a"
    assert media_url(offered, ("transcript", "all")) == "wss://x"
    assert media_url({"video": "wss://v"}, ("transcript", "all")) == "wss://v"
    assert media_url({}, ("audio", "all")) is None
