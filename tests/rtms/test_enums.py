"""Zoom's numbers: languages, names, and the tables of products."""

import pytest

from cc_voice.rtms.enums import LANGUAGES, MessageType, SampleRate, Status, StopReason, language_number, language_tag, name_of
from cc_voice.rtms.products import PRODUCTS, product_of


def test_the_tables_are_complete() -> None:
    assert [member.value for member in MessageType] == list(range(30))
    assert [member.value for member in Status] == list(range(48))
    assert [member.value for member in StopReason] == list(range(27))
    assert len(LANGUAGES) == len(set(LANGUAGES)) == 37
    assert [rate.hz for rate in SampleRate] == [8_000, 16_000, 32_000, 48_000]


@pytest.mark.parametrize(("number", "tag"), [(0, "ar"), (9, "en"), (13, "fr-FR"), (28, "es"), (36, "vi"), (-1, None), (37, None)])
def test_languages(number: int, tag: str | None) -> None:
    assert language_tag(number) == tag
    if tag is not None:
        assert language_number(tag) == number


def test_languages_by_primary_subtag() -> None:
    assert language_number("en-US") == 9
    assert language_number("fr") == 12
    assert language_number("tlh") is None
    assert language_tag(None) is None


def test_names_for_people() -> None:
    assert name_of(StopReason, 19) == "19 (AWAIT_RECONNECTION_TIMEOUT)"
    assert name_of(StopReason, 99) == "99"
    assert name_of(Status, None) == "None"


def test_events_are_named_by_product() -> None:
    assert PRODUCTS["contact_center"].event_name(10) == "user_answered"
    assert PRODUCTS["meeting"].event_name(10) == "chat_group_create"
    assert PRODUCTS["video_sdk"].event_name(1) == PRODUCTS["phone"].event_name(1) == "first_packet_timestamp"
    assert PRODUCTS["contact_center"].event_name(31) == "event_31"


def test_webhooks_by_product() -> None:
    found = product_of("phone.call_rtms_interrupted")
    assert found is not None
    assert (found[0].name, found[1]) == ("phone", "interrupted")
    assert product_of("meeting.ended") is None
