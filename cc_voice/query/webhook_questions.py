"""Webhook questions: which receivers there are and how each is, what was sent, and sending again, as pages and commands ask it."""

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from cc_voice.config import policies
from cc_voice.config.settings import Settings
from cc_voice.query.service_client import QuestionError
from cc_voice.store import outbox
from cc_voice.store.database import Database
from cc_voice.store.outbox import Delivery, EndpointState


class ReceiverLine(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver as it is shown; its secret is nowhere, its URL in the policy only."""

    name: str
    events: tuple[str, ...]
    queues: tuple[str, ...]
    quiet: tuple[str, ...]
    include_text: bool
    state: str
    """good, failing or off."""
    note: str


class WebhookOverview(msgspec.Struct, frozen=True):
    """Receivers, and the newest deliveries."""

    receivers: tuple[ReceiverLine, ...]
    deliveries: tuple[Delivery, ...]


def overview(database: Database, settings: Settings, limit: int) -> WebhookOverview:
    """Return how webhooks go out. For a thread. Raises PolicyError, StoreError."""
    states, newest = database.read_now(lambda con: (outbox.endpoint_states(con), outbox.deliveries(con, limit)))
    found = (
        ReceiverLine(
            name=each.key,
            events=each.events,
            queues=each.queues,
            quiet=each.quiet,
            include_text=each.include_text,
            state=_state(states.get(each.key)),
            note=_note(states.get(each.key)),
        )
        for each in policies.in_force(settings).webhooks
    )
    return WebhookOverview(tuple(found), tuple(newest))


def _state(state: EndpointState | None) -> str:
    if state is None or state.failing_since_ts is state.disabled_ts is None:
        return "good"
    return "off" if state.disabled_ts is not None else "failing"


def _note(state: EndpointState | None) -> str:
    if state is None:
        return ""
    if state.disabled_ts is not None:
        off = f"switched off {state.disabled_ts:%Y-%m-%d %H:%M} UTC: {state.disabled_reason}"
        return f"{off}; `cc-voice webhooks replay --receiver` switches it on"
    if state.failing_since_ts is not None:
        return f"fails since {state.failing_since_ts:%Y-%m-%d %H:%M} UTC"
    return f"{state.kept_quiet} alerts kept quiet" if state.kept_quiet else ""


def list_(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Answer `webhooks`."""
    try:
        return msgspec.to_builtins(overview(database, settings, int(arguments["limit"])))
    except policies.PolicyError as error:
        raise QuestionError(str(error)) from error


def replay(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Answer `webhooks.replay`: how many deliveries are sent again."""
    since, endpoint = arguments.get("since"), arguments.get("endpoint")
    try:
        moment = datetime.datetime.fromisoformat(since) if since else None
    except ValueError as error:
        raise QuestionError(f"{since!r} is no moment") from error
    now = datetime.datetime.now(datetime.UTC)
    message_id = arguments.get("message_id")
    if message_id is None and moment is None and endpoint is None:
        raise QuestionError("name a message, a receiver, or since when")
    return {"deliveries": database.write_now(lambda con: outbox.replay(con, now, message_id, moment, endpoint))}
