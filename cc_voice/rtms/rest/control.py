"""Control of streams by REST (README section 9): the request that starts, stops, pauses or resumes one, and what an answer means.

Pure: requests are values for whoever has a socket, answers are judged here, time is an argument (Unix seconds). Every call is a
request only. Accepted, it shows in a *started* or *stopped* webhook, or in a state update on the stream.

The theory of asking. A sender asks, hands the answer to `judge` and does what the verdict says, with the tries it names:

    answer                        verdict
    2xx                           Accepted
    401, code 124                 Refresh: once more with a new token; the second time Refused
    429, 5xx, code 3000, none     Again after a wait: 1, 2, 4, 8, 10 s, or `Retry-After` where that is longer; then Refused
    anything else                 Refused, with what the operator can do
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import quote

import msgspec

from .. import salvage
from ..errors import ControlError
from ..options import StreamTarget
from ..products import ProductName
from .tokens import HttpRequest, Token

Action = Literal["start", "stop", "pause", "resume"]
ACTIONS: tuple[Action, ...] = ("start", "stop", "pause", "resume")

WAITS_S = (1.0, 2.0, 4.0, 8.0, 10.0)
"""Between attempts. Code 3000 passes within ten seconds; the rest of the family is given the same patience."""
LONGEST_WAIT_S = 60.0
"""A `Retry-After` beyond this is a limit per day: told to the operator, not waited for."""


class ControlCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of which conversation."""

    action: Action
    product: ProductName
    conversation_id: str
    """Meetings and webinars: the number. Else the id that webhooks give."""
    client_id: str
    """Of the RTMS app whose stream is meant; for the Video SDK its SDK key."""
    participant_user_id: str | None = None
    """Meetings and webinars: the invited participant who is there already; None means the user of the token."""


class _Route(msgspec.Struct, frozen=True):
    method: Literal["PATCH", "PUT"]
    path: str
    is_by_number: bool = False


_MEETINGS = _Route("PATCH", "/live_meetings/{}/rtms_app/status", is_by_number=True)
# The bodies of Video SDK and Phone are not published: the same as the others' (section 13, point 7).
_ROUTES: Mapping[ProductName, _Route] = {
    "meeting": _MEETINGS,
    "webinar": _MEETINGS,
    "video_sdk": _Route("PATCH", "/videosdk/sessions/{}/rtms_app/status"),
    "contact_center": _Route("PUT", "/contact_center/{}/rtms_app/status"),
    "phone": _Route("PATCH", "/phone/calls/{}/rtms_app/status"),
}


def control_request(command: ControlCommand, token: Token) -> HttpRequest:
    """Return the request to send below the API base. Raises ControlError for a command that makes none."""
    route = _ROUTES[command.product]
    if command.participant_user_id is not None and not route.is_by_number:
        raise ControlError(f"a participant can be named for meetings and webinars only, not for {command.product}")
    name = _number(command) if route.is_by_number else _segment(command.conversation_id)
    settings = {"client_id": command.client_id}
    if command.participant_user_id is not None:
        settings["participant_user_id"] = command.participant_user_id
    return HttpRequest(
        method=route.method,
        path=route.path.format(name),
        authorization=f"Bearer {token.value}",
        body=msgspec.json.encode({"action": command.action, "settings": settings}),
    )


def conversation_id(target: StreamTarget) -> str | None:
    """Return what REST calls the conversation of a stream; None where its webhook had no meeting number (before May 2026)."""
    match target.product:
        case "meeting":
            return target.meeting_id
        case "webinar":
            return target.webinar_id or target.meeting_id
        case _:
            return target.instance_id


def _number(command: ControlCommand) -> str:
    digits = command.conversation_id.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit()):
        raise ControlError(f"a {command.product} is controlled by its number, which has digits only, not by its uuid")
    return digits


def _segment(conversation_id: str) -> str:
    """Encode an id as one segment of a path: twice where it holds a slash, which Zoom's front end would else decode (9)."""
    if not conversation_id.strip("."):
        raise ControlError("the conversation's id is empty, or dots only, which a path cannot carry")
    try:
        once = quote(conversation_id, safe="")
    except UnicodeEncodeError as error:
        raise ControlError("the conversation's id is no Unicode text") from error
    return quote(once, safe="") if "/" in conversation_id else once


# -- answers ---------------------------------------------------------------------------------------------------------


class ControlAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back."""

    status: int
    body: bytes = b""
    retry_after: str | None = None
    """The header of that name."""


class Tries(msgspec.Struct, frozen=True):
    """What has been tried for one request."""

    failed: int = 0
    refreshed: bool = False


class Accepted(msgspec.Struct, frozen=True):
    """Zoom will do it."""


class Refresh(msgspec.Struct, frozen=True):
    """Get another token and ask once more."""

    tries: Tries


class AskLater(msgspec.Struct, frozen=True):
    """Ask again after a while."""

    wait_s: float
    tries: Tries


class Refused(msgspec.Struct, frozen=True):
    """Asking again would not help, or not soon. `error` is a sentence of ours, `zoom_says` Zoom's text, cut."""

    error: str
    zoom_says: str = ""

    def as_error(self) -> ControlError:
        """Return the exception to raise for it."""
        return ControlError(self.error, self.zoom_says)


Verdict = Accepted | Refresh | AskLater | Refused


class _Meaning(msgspec.Struct, frozen=True):
    kind: Literal["refresh", "again", "refused"]
    advice: str


_CODES: Mapping[int, _Meaning] = {
    124: _Meaning("refresh", "the token is not accepted; check account_id, client pair and scopes of the app that asks"),
    2308: _Meaning("refused", "the user may not start it: not host or alternative host, or joined without signing in"),
    2310: _Meaning("refused", "no RTMS credits, or an account type without RTMS; after a purchase wait two minutes"),
    3000: _Meaning("again", "the meeting cannot be streamed yet; it has to be in progress"),
}
"""Zoom's codes (section 9)."""
_STATUSES: Mapping[int, _Meaning] = {
    401: _CODES[124],
    403: _Meaning("refused", "the app that asks lacks the scope of this product"),
    404: _Meaning("refused", "no such conversation is in progress, or it belongs to another account"),
    429: _Meaning("again", "too many requests"),
}
_FAILING = _Meaning("again", "Zoom's API fails")
_OTHER = _Meaning("refused", "the request is not accepted; see Zoom's text")


def judge(answer: ControlAnswer, tries: Tries, now_s: float) -> Verdict:
    """Return what to do about an answer."""
    if 200 <= answer.status < 300:
        return Accepted()
    code, text = _said(answer.body)
    meaning = _meaning(answer.status, code)
    error = f"Zoom answered {answer.status}{f', code {code}' if code is not None else ''}: {meaning.advice}"
    if meaning.kind == "refresh" and not tries.refreshed:
        return Refresh(Tries(tries.failed, refreshed=True))
    if meaning.kind == "again":
        return _again(tries, _retry_after_s(answer.retry_after, now_s), error, text)
    return Refused(error, text)


def unanswered(cause: str, tries: Tries) -> Verdict:
    """Return what to do when there was no answer. What was asked for is a state, so asking twice does no harm."""
    return _again(tries, 0.0, f"Zoom's API cannot be reached ({cause}); check network, proxy, api_base and oauth_base", "")


def _again(tries: Tries, asked_s: float, error: str, text: str) -> Verdict:
    if tries.failed >= len(WAITS_S):
        return Refused(f"{error}; given up after {tries.failed + 1} attempts", text)
    if asked_s > LONGEST_WAIT_S:
        return Refused(f"{error}; not before {asked_s:.0f} s have passed", text)
    return AskLater(max(WAITS_S[tries.failed], asked_s), Tries(tries.failed + 1, tries.refreshed))


def _meaning(status: int, code: int | None) -> _Meaning:
    known = _CODES.get(code) if code is not None else None
    return known or _STATUSES.get(status) or (_FAILING if status >= 500 else _OTHER)


def _said(body: bytes) -> tuple[int | None, str]:
    """Return code and text of a refusal, as far as it is one of Zoom's: the OAuth server names them differently."""
    try:
        document = msgspec.json.decode(salvage.sound(body))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None, ""
    if not isinstance(document, dict):
        return None, ""
    code = document.get("code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 10:
        code = int(code)
    texts = (document.get(key) for key in ("message", "reason", "error"))
    text = next((text for text in texts if isinstance(text, str) and text), "")
    return (code if isinstance(code, int) and not isinstance(code, bool) else None), text[:200]


def _retry_after_s(value: str | None, now_s: float) -> float:
    """Read `Retry-After`: seconds, or a date; 0 where it is missing or neither."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now_s)
