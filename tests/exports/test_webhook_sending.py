"""Webhook sending: signatures to the byte, addresses that are reached and those that are not, a receiver that misbehaves."""

import asyncio
import base64
import http.server
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.config.webhook_settings import keys
from cc_voice.exports import webhook_sending
from cc_voice.exports.webhook_sending import DELAYS_S, AddressRefused, check_address, headers, new_client, send, wait_s

SECRET = "whsec_Y2Nfdm9pY2UtdGVzdC1zaWduaW5nLWtleS0wMDAxISE="
MESSAGE = "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj"
BODY = b'{"type":"alert.raised","timestamp":"2026-11-30T12:00:00Z","data":{"alert_id":"a1","call_id":"c1","reason":"dead_air"}}'


def test_the_signature_is_that_of_standard_webhooks() -> None:
    found = headers(keys(SECRET), MESSAGE, 1796040000, BODY)
    assert found["webhook-id"] == MESSAGE
    assert found["webhook-timestamp"] == "1796040000"
    assert found["webhook-signature"] == "v1,qlgCzfszEltxmfCt2IPGsXrDRngaRiVrEyMNGucpsME="


def test_two_secrets_sign_while_one_takes_over() -> None:
    other = "whsec_" + base64.b64encode(b"another key of thirty bytes ok").decode()
    both = headers(keys(f"{other}\n{SECRET}\n"), MESSAGE, 1796040000, BODY)["webhook-signature"].split(" ")
    assert len(both) == 2
    assert both[1] == "v1,qlgCzfszEltxmfCt2IPGsXrDRngaRiVrEyMNGucpsME="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "sk_" + SECRET[6:], "whsec_nonsense!", f"{SECRET} " * 3])
def test_a_secret_that_is_none_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError, match="secret") as refused:
        keys(secret)
    assert not secret.strip() or secret[6:20].strip() == "" or secret[6:] not in str(refused.value)


@given(st.floats(0, 1))
def test_waits_grow_and_differ_by_a_fifth_at_most(chance: float) -> None:
    waits = [wait_s(attempt, chance) for attempt in range(1, 9)]
    assert waits[-1] is None
    for wait, delay in zip(waits[:-1], DELAYS_S, strict=True):
        assert wait is not None
        assert 0.8 * delay - 1e-6 <= wait <= 1.2 * delay + 1e-6


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254", "0.0.0.0", "224.0.0.1", "fd00:ec2::254"]
)
def test_metadata_is_never_reached(address: str) -> None:
    for is_named in (False, True):
        with pytest.raises(AddressRefused):
            check_address(address, is_named=is_named)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.9", "::1", "fc00::1", "::ffff:10.0.0.1", "100.64.0.1"]
)
def test_private_addresses_are_reached_where_the_host_is_named(address: str) -> None:
    check_address(address, is_named=True)
    with pytest.raises(AddressRefused, match="webhook_hosts"):
        check_address(address, is_named=False)


def test_public_addresses_are_free() -> None:
    check_address("93.184.216.34", is_named=False)
    check_address("2606:2800:220:1:248:1893:25c8:1946", is_named=False)


class Redirecting(http.server.BaseHTTPRequestHandler):
    """Sends everybody elsewhere, and counts who comes."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.send_response(307)
        self.send_header("location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def redirecting() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirecting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


async def sent(url: str, hosts: tuple[str, ...], *, insecure: bool = True) -> webhook_sending.SendingResult:
    async with new_client() as client:
        return await send(client, url, keys(SECRET), MESSAGE, 1, BODY, hosts, allow_insecure=insecure)


async def test_a_redirect_is_not_followed(redirecting: int) -> None:
    Redirecting.asked.clear()
    answer = await sent(f"http://localhost:{redirecting}/hook?x=1", ("LOCALHOST",))
    assert (answer.status, answer.is_success) == (307, False)
    assert Redirecting.asked == ["/hook?x=1"]


async def test_what_may_not_be_reached_is_not_connected_to(redirecting: int) -> None:
    Redirecting.asked.clear()
    for url, hosts, insecure in (
        (f"http://127.0.0.1:{redirecting}/", (), True),
        (f"http://127.0.0.1:{redirecting}/", ("127.0.0.1",), False),
        (f"http://[::ffff:127.0.0.1]:{redirecting}/", (), True),
        (f"http://2130706433:{redirecting}/", (), True),
    ):
        answer = await sent(url, hosts, insecure=insecure)
        assert answer.status is None
        assert answer.error
    assert Redirecting.asked == []


async def test_a_receiver_that_says_nothing_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(3600), "127.0.0.1", 0)
    monkeypatch.setattr(webhook_sending, "TIMEOUT_S", 0.2)
    async with silent:
        answer = await sent(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/", ("127.0.0.1",))
        assert answer.error == "no answer within 0 s"


async def test_a_name_that_does_not_exist_is_an_answer() -> None:
    assert (await sent("https://nowhere.invalid/", ())).status is None
