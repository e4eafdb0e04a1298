"""Webhook bodies: the golden examples, the shapes sources disagree about, and what is refused."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.rtms.errors import WebhookError
from cc_voice.rtms.webhooks import (
    Companion,
    ConcurrencyNotice,
    Interrupted,
    OtherWebhook,
    SiteNotice,
    Started,
    StartFailed,
    Stopped,
    UrlValidation,
    parse_webhook,
)
from tests.rtms.golden import WEBHOOKS

STREAM = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def parse(event: str, payload: Any, **envelope: Any) -> Any:
    return parse_webhook(json.dumps({"event": event, "payload": payload} | envelope).encode())


def test_golden_webhooks() -> None:
    found = {name: parse_webhook(text.encode()) for name, text in WEBHOOKS.items()}
    assert found == {
        "2.3 challenge": UrlValidation(plain_token="qgg8vlvZRS6UYooatFL8Aw-demo"),
        "2.6 meeting started": Started(
            product="meeting",
            instance_key="meeting_uuid",
            instance_id="8b1cQ2mTSeOq7Zx0abcd12==",
            stream_id=STREAM,
            server_urls="wss://rtms-iad2.example.zoom.us/sig",
            event_ts_ms=1790000000123,
            operator_id="usr_Demo77",
            account_id="acct_Demo01",
            is_original_host=True,
            meeting_id="98765432101",
        ),
        "2.6 webinar stopped": Stopped(
            product="webinar",
            stream_id=STREAM,
            stop_reason=6,
            instance_id="Zk3wQ2mTSeOq7Zx0efgh34==",
            event_ts_ms=1790000600456,
        ),
        "2.6 session started": Started(
            product="video_sdk",
            instance_key="session_id",
            instance_id="q9PzVs0hQmKk1demo==",
            stream_id="77aa66bb55cc44dd33ee22ff11009988",
            server_urls="wss://rtms-fra1.example.zoom.us/sig",
            event_ts_ms=1790000000123,
            account_id="acct_Demo01",
            session_key="order-4711",
        ),
        "2.6 contact center started": Started(
            product="contact_center",
            instance_key="engagement_id",
            instance_id="ENGdemo_7Yw2kQ",
            stream_id=STREAM,
            server_urls="wss://rtms-sjc1.example.zoom.us/sig",
            event_ts_ms=1790000000123,
        ),
        "2.6 contact center interrupted": Interrupted(
            product="contact_center", stream_id=STREAM, instance_id="ENGdemo_7Yw2kQ", event_ts_ms=1790000050000
        ),
        "2.6 near limit": ConcurrencyNotice(limited=False, number=1601, limit=2000, percentage=80),
        "2.6 limited": ConcurrencyNotice(limited=True, number=2001, instance_id="8b1cQ2mTSeOq7Zx0abcd12=="),
    }


@pytest.mark.parametrize(
    "urls",
    [
        "wss://a.zoom.us/s",
        " srt://a.zoom.us/s, wss://a.zoom.us/s ,wss://b.zoom.us/s",
        "ws://a.zoom.us/s,wss://a.zoom.us/s",
        ["wss://a.zoom.us/s", "wss://b.zoom.us/s"],
        {"audio": "wss://b.zoom.us/s", "signaling": "wss://a.zoom.us/s"},
        {"signal": "wss://a.zoom.us/s"},
        {"all": "wss://a.zoom.us/s", "audio": "wss://b.zoom.us/s"},
    ],
)
def test_server_urls_in_every_shape(urls: Any) -> None:
    payload = {"engagement_id": "E", "rtms_stream_id": "S", "server_urls": urls}
    assert parse("contact_center.voice_rtms_started", payload).server_urls == "wss://a.zoom.us/s"


def test_which_id_counts() -> None:
    both = {"engagement_id": "E", "session_id": "S", "rtms_stream_id": "R", "server_urls": "wss://a"}
    assert parse("contact_center.voice_rtms_started", both).instance_key == "engagement_id"
    only = {"session_id": "S", "rtms_stream_id": "R", "server_urls": "wss://a"}
    assert parse("contact_center.voice_rtms_started", only).instance_key == "session_id"
    old = {"meeting_uuid": "M", "rtms_stream_id": "R", "server_urls": "wss://a"}
    assert parse("webinar.rtms_started", old).instance_key == "meeting_uuid"


def test_phone_under_its_alias() -> None:
    payload = {"call_id": 4711, "rtms_stream_id": "R", "server_urls": "wss://a"}
    for prefix in ("phone.rtms_", "phone.call_rtms_"):
        webhook = parse(prefix + "started", payload)
        assert (webhook.product, webhook.instance_id) == ("phone", "4711")


@pytest.mark.parametrize("key", ["custom_fields", "customFields", "custom fields"])
def test_custom_fields_under_any_key(key: str) -> None:
    payload = {"engagement_id": "E", "rtms_stream_id": "R", "server_urls": "wss://a", key: {"sip": "x"}}
    assert json.loads(parse("contact_center.voice_rtms_started", payload).custom_fields) == {"sip": "x"}


@pytest.mark.parametrize("nested", [False, True])
def test_companion_webhooks_of_an_engagement(nested: bool) -> None:
    fields = {"engagement_id": "E", "user_id": "u", "user_display_name": "Sam", "transfer_from_id": "E0", "new_field": [1]}
    told = parse("contact_center.engagement_user_barge_initiated", {"object": fields} if nested else fields)
    assert (told.name, told.engagement_id, told.user_id, told.user_name) == ("engagement_user_barge_initiated", "E", "u", "Sam")
    assert told.transfer_from_id == "E0"
    assert b"new_field" in told.raw
    assert isinstance(parse("contact_center.engagement_of_a_kind_nobody_knows", {"engagement_id": 5}), Companion)
    assert isinstance(parse("contact_center.recording_deleted", {"engagement_id": "E"}), Companion)
    assert isinstance(parse("contact_center.engagement_ended", {}), OtherWebhook), "about no engagement that it names"


@pytest.mark.parametrize("nested", [False, True])
def test_webhooks_about_no_engagement(nested: bool) -> None:
    fields = {"user_id": "u", "user_display_name": "Sam", "status_name": "Ready", "queue_id": 7, "queue_name": "Support"}
    payload = {"object": fields} if nested else fields
    told = parse("contact_center.user_status_changed", payload)
    assert (told.name, told.user_id, told.user_name, told.status) == ("user_status_changed", "u", "Sam", "Ready")
    assert parse("contact_center.queue_inbound_sla_updated", payload).queue_id == "7"
    for event in ("recording_deleted", "queue_of_a_kind_nobody_knows", "user_status_changed"):
        assert isinstance(parse(f"contact_center.{event}", {}), SiteNotice)
    assert isinstance(parse("contact_center.flow_published", payload), OtherWebhook)


def test_other_webhooks_are_not_errors() -> None:
    assert parse("meeting.ended", {}).event == "meeting.ended"
    assert isinstance(parse("meeting.rtms_exploded", {}), OtherWebhook)
    assert isinstance(parse("rtms.start_failed", {"why": 1}), StartFailed)
    assert isinstance(parse("rtms.concurrency_limited", None), ConcurrencyNotice)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"event":5}',
        b"[" * 100_000,
        b'{"event":"meeting.rtms_started"}',
        b'{"event":"meeting.rtms_started","payload":{"meeting_uuid":"M","server_urls":"wss://a"}}',
        b'{"event":"meeting.rtms_started","payload":{"meeting_uuid":"","rtms_stream_id":"R","server_urls":"wss://a"}}',
        b'{"event":"meeting.rtms_started","payload":{"meeting_uuid":"M","rtms_stream_id":"R","server_urls":[5]}}',
        b'{"event":"meeting.rtms_stopped","payload":{"object":{"meeting_uuid":"M"}}}',
        b'{"event":"endpoint.url_validation","payload":{}}',
    ],
)
def test_what_cannot_be_understood_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookError):
        parse_webhook(body)


@given(st.binary())
def test_any_bytes_are_a_webhook_or_a_webhook_error(body: bytes) -> None:
    with contextlib.suppress(WebhookError):
        parse_webhook(body)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)


@given(
    st.sampled_from(["meeting.rtms_started", "phone.rtms_stopped", "rtms.concurrency_limited", "session.rtms_interrupted"]),
    st.dictionaries(st.sampled_from(["object", "meeting_uuid", "rtms_stream_id", "server_urls", "stop_reason", "id_field"]), _json),
)
def test_any_payload_is_a_webhook_or_a_webhook_error(event: str, payload: dict[str, Any]) -> None:
    with contextlib.suppress(WebhookError):
        parse(event, payload)
