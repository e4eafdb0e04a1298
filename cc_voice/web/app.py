"""The web application, put together: routes, guards, headers, errors. Where it runs is `service.py`'s business."""

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from cc_voice.query import columns
from cc_voice.web import errors, health, owner_socket, security_headers, webhooks
from cc_voice.web.access import authentication, permissions
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.api import mcp_route, routes
from cc_voice.web.api.description import PREFIX
from cc_voice.web.appliance import Appliance
from cc_voice.web.live import alert_board
from cc_voice.web.live import calls as live_calls
from cc_voice.web.pages import account, administration, calls, not_analysed, provider_sign_in, reports, search, users
from cc_voice.web.rendering import page

FORM_BYTES = 8192
"""The longest body where a route says nothing else: three passwords of 256 characters fit. A form is parsed in the event loop, and
one of 9.5 MB held it for 5 to 14 s."""


@get("/", include_in_schema=False)
async def first_page(request: VisitorRequest) -> Redirect:
    """Go to the first page a visitor may use."""
    visitor = authentication.signed_in(request)
    firsts = {"numbers": "/live", "audit": "/admin/audit", "read_administration": "/admin/overview"}
    return Redirect(next((path for right, path in firsts.items() if right in visitor.rights), "/account"))


FOR_PROGRAMS: tuple[ControllerRouterHandler, ...] = (webhooks.receive, owner_socket.command, health.healthz, health.readyz)
PAGES: tuple[ControllerRouterHandler, ...] = (
    first_page,
    account.sign_in_page,
    account.sign_in,
    account.sign_out,
    provider_sign_in.begin,
    provider_sign_in.come_back,
    account.password_page,
    account.change_password,
    account.account_page,
    account.create_token,
    account.revoke_token,
    account.choose_theme,
    account.end_session,
    account.offer_second_factor,
    account.confirm_second_factor,
    account.remove_second_factor,
    live_calls.live,
    live_calls.live_events,
    alert_board.handle_on_board,
    live_calls.call_events,
    calls.list_calls,
    calls.show_call,
    calls.flac,
    calls.wav,
    calls.peaks,
    not_analysed.show,
    reports.list_reports,
    reports.show_report,
    search.search_page,
    administration.overview,
    administration.queues,
    administration.show_policy,
    administration.set_policy,
    administration.try_policy,
    administration.models,
    administration.exports,
    administration.system,
    users.list_users,
    users.show_user,
    users.add_user,
    users.change_user,
    users.do_to_user,
    users.end_all_sessions,
    users.end_session,
    users.revoke_token,
    users.audit_log,
)


def create_app(appliance: Appliance) -> Litestar:
    """Return the application of an appliance. It starts nothing: dispatcher and store are the caller's.

    What pages are made of is read here, so that no request reads it in the event loop.
    """
    page.environment()
    columns.columns()
    description = routes.description()

    return Litestar(
        route_handlers=[
            *FOR_PROGRAMS,
            Router("/", route_handlers=list(PAGES), include_in_schema=False),
            routes.router(),
            Router(PREFIX, route_handlers=[mcp_route.mcp]),  # described by its own protocol, not by OpenAPI
            _static_files(),
        ],
        dependencies={"appliance": Provide(_appliance, sync_to_thread=False)},
        middleware=[DefineMiddleware(authentication.Authentication, exclude_http_methods=())],
        guards=[permissions.permitted, authentication.same_origin],
        request_max_body_size=FORM_BYTES,
        exception_handlers={Exception: errors.answer},
        before_send=[security_headers.add_headers, permissions.tell_methods],
        state=State({"appliance": appliance, "description": description, "parameters": description.parameters}),
        openapi_config=None,
        logging_config=None,
    )


def _appliance(state: State) -> Appliance:
    found: Appliance = state.appliance
    return found


def _static_files() -> Router:
    return create_static_files_router(
        path=page.static_path(),
        directories=[page.STATIC],
        include_in_schema=False,
        cache_control=security_headers.KEEP_FOR_EVER,
    )
