"""Routes of the API: its handlers, put together with what holds for all of them."""

from litestar import Router
from litestar.types import ControllerRouterHandler

from cc_voice.web.api import (
    accounts,
    administration,
    audit_log,
    calls,
    evaluations,
    live,
    maintenance,
    policies,
    reference,
    reports,
    rules,
)
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
    rules.list_rules,
    rules.show_rule,
    rules.write_rule,
    rules.list_hits,
    rules.try_rule,
    rules.mark_hits,
    rules.publish_rule,
    evaluations.list_forms,
    evaluations.publish_form,
    evaluations.list_evaluations,
    evaluations.open_evaluation,
    evaluations.show_evaluation,
    evaluations.answer_questions,
    evaluations.move_evaluation,
    evaluations.draw_sample,
    evaluations.reject_pick,
    evaluations.show_calibrations,
    evaluations.begin_calibration,
    evaluations.list_coaching,
    evaluations.make_coaching,
    evaluations.move_coaching,
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
    administration.overview,
    administration.list_queues,
    administration.list_models,
    administration.configuration,
    policies.list_policies,
    policies.show_policy,
    policies.publish_policy,
    policies.try_policy,
    policies.list_versions,
    policies.show_version,
    maintenance.import_recording,
    maintenance.enrich,
    maintenance.recompute,
    maintenance.list_runs,
    maintenance.discard_run,
    maintenance.list_jobs,
    maintenance.show_job,
    maintenance.delete_call,
)


def router() -> Router:
    """Return the router of the API."""
    return Router(PREFIX, route_handlers=list(HANDLERS), guards=[known_parameters], middleware=[with_entity_tags])


def description() -> ApiDescription:
    """Return what the API says of itself."""
    return described(HANDLERS)
