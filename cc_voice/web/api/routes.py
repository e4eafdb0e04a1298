"""Routes of the API: its handlers, put together with what holds for all of them."""

from litestar import Router
from litestar.types import ControllerRouterHandler

from cc_voice.web.api import accounts, alerts, audit_log, calls, live, reference, reports
from cc_voice.web.api.description import PREFIX, ApiDescription, described
from cc_voice.web.api.entity_tags import with_entity_tags
from cc_voice.web.api.parameters import known_parameters

HANDLERS: tuple[ControllerRouterHandler, ...] = (
    reference.openapi,
    reference.reference,
    calls.list_calls,
    calls.show_call,
    calls.list_legs,
    calls.list_utterances,
    calls.list_intervals,
    calls.list_events,
    calls.list_languages,
    calls.evidence,
    calls.audio,
    calls.transcript,
    calls.contact_lens,
    live.floor,
    alerts.live_alerts,
    alerts.list_alerts,
    alerts.answer_alert,
    alerts.list_webhooks,
    alerts.replay_webhooks,
    live.words,
    live.live_call,
    live.list_streams,
    reports.list_reports,
    reports.report,
    reports.find,
    reports.run_sql,
    reports.list_columns,
    reports.list_tables,
    reports.table,
    reports.list_exports,
    accounts.who_asks,
    accounts.own_tokens,
    accounts.create_token,
    accounts.revoke_own_token,
    accounts.own_sessions,
    accounts.end_own_session,
    accounts.list_accounts,
    accounts.create_account,
    accounts.show_account,
    accounts.change_account,
    accounts.do_to_account,
    accounts.list_sessions,
    accounts.end_all_sessions,
    accounts.end_session,
    accounts.list_tokens,
    accounts.revoke_token,
    audit_log.read,
)


def router() -> Router:
    """Return the router of the API."""
    return Router(PREFIX, route_handlers=list(HANDLERS), guards=[known_parameters], middleware=[with_entity_tags])


def description() -> ApiDescription:
    """Return what the API says of itself."""
    return described(HANDLERS)
