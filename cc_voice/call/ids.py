"""Ids of calls, legs and utterances: they are functions of what Zoom announced, so a repeated webhook names the same call."""

import base64
import hashlib


def call_id(product: str, instance_id: str) -> str:
    """Return the 26-character id of the call that Zoom knows as `instance_id` of `product`.

    Base32 of SHA-256, lower case: safe in paths and URLs, which Zoom's own ids (`/ + =`) are not.
    """
    digest = hashlib.sha256(f"{product}:{instance_id}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def leg_id(call: str, number: int) -> str:
    """Return the id of leg `number` (1-based, in order of answering) of a call."""
    return f"{call}-{number}"


def utterance_id(call: str, channel_id: str, start_ms: int) -> str:
    """Return the key of an utterance; (call, channel, start) is unique by construction."""
    return f"{call}:{channel_id}:{start_ms}"


def unused_utterance_id(call: str, channel_id: str, start_ms: int, source: str) -> str:
    """Return the key of a line that is not in the transcript, where another of the same start may be."""
    return f"{utterance_id(call, channel_id, start_ms)}:{source}"
