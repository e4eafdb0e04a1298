"""Ids: short, safe in paths and URLs, and the same for the same call however often Zoom announces it."""

import base64
import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.ids import call_id, leg_id, utterance_id


def test_a_call_id_is_the_head_of_a_digest() -> None:
    digest = hashlib.sha256(b"contact_center:E1").digest()
    assert call_id("contact_center", "E1") == base64.b32encode(digest).decode()[:26].lower()
    assert call_id("meeting", "E1") != call_id("contact_center", "E1")


@given(st.sampled_from(["contact_center", "meeting", "import"]), st.text(max_size=40))
def test_call_ids_are_safe_in_paths_whatever_zoom_calls_the_call(product: str, instance_id: str) -> None:
    made = call_id(product, instance_id)
    assert re.fullmatch(r"[a-z2-7]{26}", made)
    assert call_id(product, instance_id) == made


def test_legs_and_utterances_are_named_within_the_call() -> None:
    assert leg_id("call", 2) == "call-2"
    assert utterance_id("call", "ch/1", -5) == "call:ch/1:-5"
    assert utterance_id("call", "c", 12) != utterance_id("call", "c", 13)
