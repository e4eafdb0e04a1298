"""Control by REST over real HTTP: what goes over the wire, tokens kept and shared, and every way in which a server can fail."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from cc_voice.config.settings import Secret
from cc_voice.fleet.control import LONGEST_ANSWER_BYTES, Control
from cc_voice.rtms.errors import ControlError
from cc_voice.rtms.rest.control import ControlCommand
from tests.fleet.rest import SILENCE, Planned, Rest, serving

NOW_S = 1_790_000_000.0
HOUR_S = 3600.0


@pytest.fixture
def rest() -> Iterator[Rest]:
    with serving() as played:
        yield played


class Clock:
    """Time that passes only where somebody sleeps, or a test says so."""

    def __init__(self) -> None:
        self.now_s = NOW_S
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def control(clock: Clock, **options: Any) -> Control:
    return Control(clock=clock, sleep=clock.sleep, **options)


def command(**changes: Any) -> ControlCommand:
    fields: dict[str, Any] = {"action": "start", "product": "contact_center", "conversation_id": "E/1", "client_id": "id"}
    return ControlCommand(**fields | changes)


# -- what goes over the wire -----------------------------------------------------------------------------------------


async def test_a_token_is_asked_for_and_sent_with_the_command(rest: Rest, clock: Clock) -> None:
    async with control(clock) as asking:
        await asking.ask(rest.app(), command())
    token, put = rest.requests
    assert (token.method, token.target) == ("POST", "/oauth/token?grant_type=account_credentials&account_id=acct")
    assert token.authorization == "Basic aWQ6Y2xpZW50LXNlY3JldA=="
    assert (put.method, put.target) == ("PUT", "/v2/contact_center/E%252F1/rtms_app/status"), "nobody on the way decodes it"
    assert put.authorization == "Bearer token-1"
    assert json.loads(put.body) == {"action": "start", "settings": {"client_id": "id"}}


async def test_another_app_may_ask_for_the_one_that_is_fed(rest: Rest, clock: Clock) -> None:
    app = rest.app(api_key="s2s", api_secret=Secret("x"))
    async with control(clock) as asking:
        await asking.ask(app, command(product="meeting", conversation_id="987 6543 2101", participant_user_id="u"))
    assert rest.token_requests[0].authorization == "Basic czJzOng="
    [patch] = rest.commands
    assert (patch.method, patch.target) == ("PATCH", "/v2/live_meetings/98765432101/rtms_app/status")
    assert json.loads(patch.body)["settings"] == {"client_id": "id", "participant_user_id": "u"}


async def test_the_video_sdk_signs_its_own_token(rest: Rest, clock: Clock) -> None:
    app = rest.app(api_key="key", api_secret=Secret("x"), account_id=None)
    async with control(clock) as asking:
        for _ in range(2):
            await asking.ask(app, command(product="video_sdk", conversation_id="q9=="))
    assert rest.token_requests == []
    first, second = rest.commands
    assert first.authorization == second.authorization
    assert first.authorization.startswith("Bearer eyJ")


@pytest.mark.parametrize(
    ("product", "changes", "says"),
    [
        ("contact_center", {"account_id": None}, "needs account_id"),
        ("video_sdk", {}, "needs api_key and api_secret"),
        ("meeting", {}, "by its number"),
    ],
)
async def test_what_is_missing_is_named_before_a_command_is_sent(
    rest: Rest, clock: Clock, product: str, changes: dict[str, Any], says: str
) -> None:
    async with control(clock) as asking:
        with pytest.raises(ControlError, match=says):
            await asking.ask(rest.app(**changes), command(product=product, conversation_id="uuid=="))
    assert rest.commands == []


# -- tokens ------------------------------------------------------------------------------------------------------------


async def test_a_token_is_kept_until_a_minute_before_its_end(rest: Rest, clock: Clock) -> None:
    async with control(clock) as asking:
        for at_s in (0, HOUR_S - 61, HOUR_S - 60, HOUR_S):
            clock.now_s = NOW_S + at_s
            await asking.ask(rest.app(), command())
    assert [request.authorization for request in rest.commands] == [f"Bearer token-{n}" for n in (1, 1, 2, 2)]


async def test_many_callers_share_one_token(rest: Rest, clock: Clock) -> None:
    async with control(clock) as asking:
        await asyncio.gather(*(asking.ask(rest.app(), command()) for _ in range(20)))
    assert len(rest.token_requests) == 1
    assert len(rest.commands) == 20


async def test_callers_whose_token_is_refused_share_the_next(rest: Rest, clock: Clock) -> None:
    async with control(clock) as asking:
        await asking.ask(rest.app(), command())
        rest.answers.extend([Planned(401)] * 10)
        await asyncio.gather(*(asking.ask(rest.app(), command()) for _ in range(10)))
    assert len(rest.token_requests) == 2
    assert {request.authorization for request in rest.commands[-10:]} == {"Bearer token-2"}


async def test_apps_have_tokens_of_their_own(rest: Rest, clock: Clock) -> None:
    async with control(clock) as asking:
        for name in ("one", "two", "one"):
            await asking.ask(rest.app(name=name, account_id=name), command())
    assert [request.target.rpartition("=")[2] for request in rest.token_requests] == ["one", "two"]
    assert [request.authorization for request in rest.commands] == [f"Bearer token-{n}" for n in (1, 2, 1)]


async def test_an_expired_token_is_refreshed_once_only(rest: Rest, clock: Clock) -> None:
    rest.answers.extend([Planned(400, b'{"code":124,"message":"Access token is expired."}'), Planned(401)])
    async with control(clock) as asking:
        with pytest.raises(ControlError, match="401: the token is not accepted"):
            await asking.ask(rest.app(), command())
    assert [request.authorization for request in rest.commands] == ["Bearer token-1", "Bearer token-2"]
    assert clock.slept == []


async def test_wrong_credentials_are_told_with_zooms_words(rest: Rest, clock: Clock) -> None:
    rest.tokens.append(Planned(401, b'{"reason":"Invalid client_id or client_secret","error":"invalid_client"}'))
    async with control(clock) as asking:
        with pytest.raises(ControlError, match="check account_id") as caught:
            await asking.ask(rest.app(), command())
    assert caught.value.zoom_says == "Invalid client_id or client_secret"
    assert len(rest.requests) == 1


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"", b'{"access_token":"a\\nb"}'])
async def test_a_page_instead_of_a_token(rest: Rest, clock: Clock, body: bytes) -> None:
    rest.tokens.append(Planned(200, body))
    async with control(clock) as asking:
        with pytest.raises(ControlError, match="gives no token"):
            await asking.ask(rest.app(), command())


async def test_a_failing_oauth_server_is_asked_again(rest: Rest, clock: Clock) -> None:
    rest.tokens.extend([Planned(500), Planned(429, b"", "5")])
    async with control(clock) as asking:
        await asking.ask(rest.app(), command())
    assert clock.slept == [1.0, 5.0]


# -- a server that fails ---------------------------------------------------------------------------------------------


async def test_what_passes_is_waited_for(rest: Rest, clock: Clock) -> None:
    not_yet = b'{"code":3000,"message":"not in progress"}'
    rest.answers.extend([Planned(400, not_yet), Planned(429, b"", "30"), Planned(500, b"garbage \x00"), Planned(503)])
    async with control(clock) as asking:
        await asking.ask(rest.app(), command())
    assert clock.slept == [1.0, 30.0, 4.0, 8.0]
    assert len(rest.commands) == 5


async def test_what_does_not_pass_is_given_up(rest: Rest, clock: Clock) -> None:
    rest.answers.extend([Planned(502)] * 50)
    async with control(clock) as asking:
        with pytest.raises(ControlError, match="502: Zoom's API fails; given up after 6 attempts"):
            await asking.ask(rest.app(), command())
    assert len(rest.commands) == 6


async def test_a_refusal_is_told_with_what_to_do(rest: Rest, clock: Clock) -> None:
    rest.answers.append(Planned(400, b'{"code":2310,"message":"No permission."}'))
    async with control(clock) as asking:
        with pytest.raises(ControlError, match="code 2310: no RTMS credits") as caught:
            await asking.ask(rest.app(), command())
    assert caught.value.zoom_says == "No permission."


async def test_a_server_that_does_not_answer_is_left(rest: Rest, clock: Clock) -> None:
    rest.answers.append(SILENCE)
    async with control(clock, timeout_s=2.0) as asking:
        await asking.ask(rest.app(), command())
    assert len(rest.commands) == 2
    assert clock.slept == [1.0]


async def test_nobody_is_there(rest: Rest, clock: Clock) -> None:
    async with control(clock) as asking:
        with pytest.raises(ControlError, match=r"cannot be reached \(ConnectError\)"):
            await asking.ask(rest.app(oauth_base="http://127.0.0.1:1"), command())
    assert sum(clock.slept) == 25


async def test_an_answer_that_does_not_end_is_cut(rest: Rest, clock: Clock) -> None:
    rest.answers.append(Planned(400, b'{"message":"' + b"x" * 3 * LONGEST_ANSWER_BYTES, ends=False))
    async with control(clock) as asking:
        with pytest.raises(ControlError, match="Zoom answered 400") as caught:
            await asking.ask(rest.app(), command())
    assert caught.value.zoom_says == ""


@pytest.mark.parametrize("base", ["http://[::1", "http://"])
async def test_a_base_that_is_no_url(rest: Rest, clock: Clock, base: str) -> None:
    async with control(clock) as asking:
        with pytest.raises(ControlError, match=r"no URL|cannot be reached"):
            await asking.ask(rest.app(oauth_base=base), command())


async def test_the_environments_proxy_is_not_ours(rest: Rest, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with control(clock) as asking:
        await asking.ask(rest.app(), command())
    assert clock.slept == []


async def test_requests_go_through_the_configured_proxy(rest: Rest, clock: Clock) -> None:
    """A proxy is asked for whole URLs; the server here plays it, and Zoom's name is never looked up."""
    app = rest.app(api_base="http://api.zoom.invalid/v2", oauth_base="http://zoom.invalid")
    async with control(clock, proxy=rest.url) as asking:
        await asking.ask(app, command())
    assert rest.requests[0].target.startswith("http://zoom.invalid/oauth/token")
    assert rest.requests[1].target == "http://api.zoom.invalid/v2/contact_center/E%252F1/rtms_app/status"


async def test_logs_and_messages_hold_no_secret(rest: Rest, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    rest.answers.extend([Planned(500), Planned(400, b'{"message":"somebody@example.com is unknown"}')])
    with capture_logs() as logs:
        async with control(clock) as asking:
            with pytest.raises(ControlError) as caught:
                await asking.ask(rest.app(), command())
    assert [entry["event"] for entry in logs] == ["Zoom's API is asked again"]
    written = f"{logs} {caught.value} {caught.value!r} " + " ".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("cc_voice", "httpx"))
    )
    assert [word for word in ("client-secret", "token-1", "aWQ6", "somebody@") if word in written] == []
