"""Zoom's events as call events: no phone number gets past here."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.sessions.call_events import customer_key, masked_json


def test_phone_numbers_are_masked_wherever_they_stand() -> None:
    raw = msgspec.json.encode(
        {
            "event_type": 8,
            "participant_info": {"phone_number": "+15551234567", "display_name": "Sam"},
            "list": [{"from": 15551230000}],
        }
    )
    text = masked_json(raw)
    assert "5551234" not in text
    assert "555123" not in text
    assert msgspec.json.decode(text)["participant_info"] == {"phone_number": "+*********67", "display_name": "Sam"}


def test_what_is_not_json_is_not_kept() -> None:
    assert masked_json(b"\xff+15551234567") == "{}"


def test_one_customer_has_one_key_per_site() -> None:
    assert customer_key("+1 (555) 123-4567", "salt") == customer_key("15551234567", "salt")
    assert customer_key("15551234567", "salt") != customer_key("15551234567", "other")


@pytest.mark.parametrize("withheld", [None, "", "anonymous", "+"])
def test_withheld_numbers_have_no_key(withheld: str | None) -> None:
    assert customer_key(withheld, "salt") is None


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_no_key_shows_its_number(number: str) -> None:
    key = customer_key(number, "salt")
    assert key is not None
    assert number[1:] not in key


def test_phone_numbers_of_ordinary_webhooks_are_masked_under_any_key() -> None:
    raw = {
        "consumer_number": "15551234567",
        "consumers": [{"callback": "+1 (555) 123-4567"}],
        "note": "call +15551234567 back",
        "id": "15551234567",
    }
    masked = msgspec.json.decode(masked_json(msgspec.json.encode(raw)))
    assert masked == {
        "consumer_number": "*********67",
        "consumers": [{"callback": "+* (***) ***-**67"}],
        "note": "call +*********67 back",
        "id": "15551234567",
    }
