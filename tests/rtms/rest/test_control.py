"""Control by REST: golden requests of every product and action, the errors of section 9 one by one, and that asking ends."""

import json
import time
from email.utils import formatdate
from typing import Any, get_args
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.rtms.errors import ControlError
from cc_voice.rtms.options import StreamTarget
from cc_voice.rtms.products import ProductName
from cc_voice.rtms.rest.control import (
    ACTIONS,
    LONGEST_WAIT_S,
    WAITS_S,
    Accepted,
    Action,
    AskLater,
    ControlAnswer,
    ControlCommand,
    Refresh,
    Refused,
    Tries,
    Verdict,
    control_request,
    conversation_id,
    judge,
    unanswered,
)
from cc_voice.rtms.rest.tokens import Token
from cc_voice.rtms.webhooks import Started, parse_webhook

NOW_S = 1_790_000_000.0
TOKEN = Token(value="tok-1", expires_at_s=NOW_S + 3600)
IDS: dict[ProductName, str] = {
    "contact_center": "ENGdemo_7Yw2kQ",
    "meeting": "98765432101",
    "webinar": "98765432102",
    "video_sdk": "q9PzVs0hQmKk1demo==",
    "phone": "7301234567890123456",
}
GOLDEN: dict[ProductName, tuple[str, str]] = {
    "contact_center": ("PUT", "/contact_center/ENGdemo_7Yw2kQ/rtms_app/status"),
    "meeting": ("PATCH", "/live_meetings/98765432101/rtms_app/status"),
    "webinar": ("PATCH", "/live_meetings/98765432102/rtms_app/status"),
    "video_sdk": ("PATCH", "/videosdk/sessions/q9PzVs0hQmKk1demo%3D%3D/rtms_app/status"),
    "phone": ("PATCH", "/phone/calls/7301234567890123456/rtms_app/status"),
}


def command(product: ProductName = "contact_center", **changes: Any) -> ControlCommand:
    fields: dict[str, Any] = {"action": "start", "product": product, "conversation_id": IDS[product], "client_id": "demoClientId01"}
    return ControlCommand(**fields | changes)


def path_of(conversation: str, product: ProductName = "contact_center") -> str:
    return control_request(command(product, conversation_id=conversation), TOKEN).path


# -- requests ----------------------------------------------------------------------------------------------------------


def test_no_product_and_no_action_is_missing() -> None:
    assert set(GOLDEN) == set(get_args(ProductName))
    assert set(ACTIONS) == set(get_args(Action)) == {"start", "stop", "pause", "resume"}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("product", GOLDEN)
def test_golden_requests(product: ProductName, action: Action) -> None:
    request = control_request(command(product, action=action), TOKEN)
    assert (request.method, request.path) == GOLDEN[product]
    assert request.authorization == "Bearer tok-1"
    assert request.body == f'{{"action":"{action}","settings":{{"client_id":"demoClientId01"}}}}'.encode()


def test_a_participant_of_a_meeting_can_be_named() -> None:
    request = control_request(command("meeting", participant_user_id="usr_Demo77"), TOKEN)
    assert json.loads(request.body) == {
        "action": "start",
        "settings": {"client_id": "demoClientId01", "participant_user_id": "usr_Demo77"},
    }


@pytest.mark.parametrize("product", [product for product in GOLDEN if product not in ("meeting", "webinar")])
def test_nobody_can_be_named_elsewhere(product: ProductName) -> None:
    with pytest.raises(ControlError, match="for meetings and webinars only"):
        control_request(command(product, participant_user_id="usr_Demo77"), TOKEN)


@pytest.mark.parametrize("written", ["987 6543 2101", "987-6543-2101", "98765432101"])
def test_a_meetings_number_as_zoom_prints_it(written: str) -> None:
    assert path_of(written, "meeting") == GOLDEN["meeting"][1]


@pytest.mark.parametrize("wrong", ["8b1cQ2mTSeOq7Zx0abcd12==", "", " ", "12.3", "١٢٣", "12/../34"])
@pytest.mark.parametrize("product", ["meeting", "webinar"])
def test_a_meetings_uuid_is_refused(product: ProductName, wrong: str) -> None:
    with pytest.raises(ControlError, match="by its number"):
        path_of(wrong, product)


@pytest.mark.parametrize(
    ("conversation", "segment"),
    [("a/b==", "a%252Fb%253D%253D"), ("a+b==", "a%2Bb%3D%3D"), ("/../x", "%252F..%252Fx"), ("a?b#c", "a%3Fb%23c"), ("é", "%C3%A9")],
)
def test_ids_are_one_segment_encoded_twice_where_they_hold_a_slash(conversation: str, segment: str) -> None:
    assert path_of(conversation) == f"/contact_center/{segment}/rtms_app/status"


@pytest.mark.parametrize("wrong", ["", ".", "..", "\udcff"])
def test_ids_that_a_path_cannot_carry(wrong: str) -> None:
    with pytest.raises(ControlError):
        path_of(wrong)


@given(st.text(max_size=40))
def test_any_id_arrives_as_it_was_or_is_refused(conversation: str) -> None:
    try:
        path = path_of(conversation)
    except ControlError:
        return
    before, after = "/contact_center/", "/rtms_app/status"
    assert path.startswith(before)
    assert path.endswith(after)
    segment = path[len(before) : -len(after)]
    assert segment.isascii()
    assert not set(segment) & set("/?#\\ ")
    once = unquote(segment)
    assert (unquote(once) if "/" in conversation else once) == conversation


def started(event: str, **payload: Any) -> StreamTarget:
    body = {"event": event, "payload": {"rtms_stream_id": "s", "server_urls": "wss://rtms.zoom.us", **payload}}
    webhook = parse_webhook(json.dumps(body).encode())
    assert isinstance(webhook, Started)
    return StreamTarget.of(webhook)


def test_what_rest_calls_the_conversation_of_a_stream() -> None:
    assert conversation_id(started("meeting.rtms_started", meeting_uuid="u==", meeting_id=98765432101)) == "98765432101"
    assert conversation_id(started("webinar.rtms_started", webinar_uuid="u==", webinar_id="98765432102")) == "98765432102"
    assert conversation_id(started("webinar.rtms_started", meeting_uuid="u==", meeting_id="98765432103")) == "98765432103"
    assert conversation_id(started("meeting.rtms_started", meeting_uuid="u==")) is None
    assert conversation_id(started("session.rtms_started", session_id="q9==")) == "q9=="
    assert conversation_id(started("contact_center.voice_rtms_started", engagement_id="E1")) == "E1"
    assert conversation_id(started("phone.call_rtms_started", call_id="7")) == "7"


# -- answers -----------------------------------------------------------------------------------------------------------


def judged(status: int, body: Any = None, tries: Tries | None = None, retry_after: str | None = None) -> Verdict:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(ControlAnswer(status=status, body=content, retry_after=retry_after), tries or Tries(), NOW_S)


def refused(verdict: Verdict) -> Refused:
    assert isinstance(verdict, Refused)
    return verdict


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_accepted_whatever_it_says(status: int) -> None:
    assert judged(status, b"<garbage>") == Accepted()
    assert judged(status, {"code": 3000}) == Accepted()


@pytest.mark.parametrize(("status", "body"), [(401, b""), (401, {"code": 124}), (400, {"code": 124}), (400, {"code": "124"})])
def test_an_expired_token_is_refreshed_once(status: int, body: Any) -> None:
    verdict = judged(status, body, Tries(2))
    assert verdict == Refresh(Tries(2, refreshed=True))
    assert "check account_id" in refused(judged(status, body, Tries(2, refreshed=True))).error


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [(400, 2308, "not host or alternative host"), (400, 2310, "no RTMS credits"), (500, 2310, "no RTMS credits")],
)
def test_codes_that_end_it(status: int, code: int, advice: str) -> None:
    verdict = refused(judged(status, {"code": code, "message": "Zoom's own words"}))
    assert f"code {code}" in verdict.error
    assert advice in verdict.error
    assert (verdict.zoom_says, "own words" in verdict.error) == ("Zoom's own words", False)
    assert verdict.as_error().zoom_says == "Zoom's own words"


@pytest.mark.parametrize(
    ("status", "body"), [(400, {"code": 3000}), (429, b""), (500, b""), (502, b"<html>"), (503, []), (599, {})]
)
def test_what_passes_is_tried_again_ever_later(status: int, body: Any) -> None:
    tries, waits = Tries(), []
    while isinstance(verdict := judged(status, body, tries), AskLater):
        waits.append(verdict.wait_s)
        tries = verdict.tries
    assert waits == [1, 2, 4, 8, 10]
    assert "given up after 6 attempts" in refused(verdict).error


def test_no_answer_is_tried_again_as_often() -> None:
    assert unanswered("ConnectError", Tries(1)) == AskLater(2.0, Tries(2))
    assert "(ConnectError)" in refused(unanswered("ConnectError", Tries(len(WAITS_S)))).error


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("7", 7),
        (" 60 ", 60),
        ("0", 1),
        ("-5", 1),
        ("soon", 1),
        ("", 1),
        (None, 1),
        ("1e3", 1),
        ("٣", 1),
        (formatdate(NOW_S + 30, usegmt=True), 30),
        (formatdate(NOW_S + 30), 30),
        (formatdate(NOW_S - 3600, usegmt=True), 1),
        ("Mon, 99 Foo 2026 00:00:00 GMT", 1),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, wait_s: float) -> None:
    assert judged(429, b"", None, header) == AskLater(wait_s, Tries(1))


def test_a_date_without_a_zone_does_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert judged(429, b"", None, formatdate(NOW_S + 30)) == AskLater(30, Tries(1))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_short_retry_after_does_not_hurry_us() -> None:
    assert judged(503, b"", Tries(4), "1") == AskLater(10.0, Tries(5))


def test_a_limit_per_day_is_told_not_waited_for() -> None:
    verdict = refused(judged(429, {"message": "daily limit"}, None, "86400"))
    assert "not before 86400 s" in verdict.error
    assert verdict.zoom_says == "daily limit"


@pytest.mark.parametrize(
    ("status", "advice"), [(403, "scope"), (404, "no such conversation"), (400, "see Zoom's text"), (302, "see")]
)
def test_other_refusals_are_final(status: int, advice: str) -> None:
    assert advice in refused(judged(status, {"code": 300, "message": "no"})).error


def test_the_oauth_servers_way_of_saying_no() -> None:
    body = {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
    assert refused(judged(400, body)).zoom_says == "Invalid client_id or client_secret"


def test_long_texts_are_cut() -> None:
    assert len(refused(judged(400, {"message": "x" * 5000})).zoom_says) == 200


ANSWERS = st.builds(
    ControlAnswer,
    status=st.integers(200, 599),
    body=st.binary(max_size=30)
    | st.fixed_dictionaries({"code": st.sampled_from([124, 2308, 2310, 3000, "3000", None, True, 1.5, []])}).map(
        lambda body: json.dumps(body).encode()
    ),
    retry_after=st.none() | st.text(max_size=12) | st.integers(-5, 10**12).map(str),
)


@given(st.lists(ANSWERS | st.none(), min_size=20, max_size=20))
def test_no_answers_raise_and_asking_ends(answers: list[ControlAnswer | None]) -> None:
    """None stands for no answer; nobody is asked more than seven times: six attempts, one of them again with a new token."""
    tries, asked, waited, refreshed = Tries(), 0, 0.0, 0
    for answer in answers:
        asked += 1
        verdict = judge(answer, tries, NOW_S) if answer is not None else unanswered("Timeout", tries)
        match verdict:
            case AskLater(wait_s=wait_s, tries=tries):
                assert 0 < wait_s <= LONGEST_WAIT_S
                waited += wait_s
            case Refresh(tries=tries):
                refreshed += 1
            case _:
                break
    assert asked <= 1 + len(WAITS_S) + 1
    assert refreshed <= 1
    assert isinstance(verdict, Accepted | Refused)
