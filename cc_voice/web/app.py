"""The web application, put together: routes, guards, headers, errors. Where it runs is `service.py`'s business."""

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from cc_voice import __version__, dictionary
from cc_voice.web import (
    account,
    api,
    auth,
    calls,
    errors,
    health,
    live,
    not_analysed,
    owner,
    render,
    reports,
    search,
    security,
    webhooks,
)
from cc_voice.web.appliance import Appliance


@get("/", include_in_schema=False)
async def first_page() -> Redirect:
    """Go to the first page a visitor may use."""
    return Redirect("/live")


FOR_PROGRAMS: tuple[ControllerRouterHandler, ...] = (webhooks.receive, owner.command, health.healthz)
PAGES: tuple[ControllerRouterHandler, ...] = (
    first_page,
    account.sign_in_page,
    account.sign_in,
    account.sign_out,
    account.password_page,
    account.change_password,
    account.account_page,
    account.create_token,
    account.revoke_token,
    account.choose_theme,
    live.live,
    live.live_events,
    live.call_events,
    calls.list_calls,
    calls.show_call,
    calls.flac,
    calls.wav,
    calls.peaks,
    not_analysed.show,
    reports.list_reports,
    reports.show_report,
    search.search_page,
)
API: tuple[ControllerRouterHandler, ...] = (
    api.list_calls,
    api.show_call,
    api.audio,
    api.transcript,
    api.contact_lens,
    api.live,
    api.live_words,
    api.list_reports,
    api.report,
    search.search_api,
    api.list_columns,
    api.run_sql,
)


def create_app(appliance: Appliance) -> Litestar:
    """Return the application of an appliance. It starts nothing: dispatcher and store are the caller's.

    What pages are made of is read here, so that no request reads it in the event loop.
    """
    render.environment()
    dictionary.columns()

    def provide() -> Appliance:
        return appliance

    return Litestar(
        route_handlers=[
            *FOR_PROGRAMS,
            Router("/", route_handlers=list(PAGES), include_in_schema=False),
            Router("/api/v1", route_handlers=list(API)),
            _static_files(),
        ],
        dependencies={"appliance": Provide(provide, sync_to_thread=False)},
        middleware=[DefineMiddleware(auth.Authentication)],
        guards=[auth.signed_in, auth.same_origin],
        exception_handlers={Exception: errors.answer},
        before_send=[security.add_headers],
        state=State({"appliance": appliance}),
        openapi_config=OpenAPIConfig(
            title="cc_voice",
            version=__version__,
            path="/api/v1/schema",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
            use_handler_docstrings=True,
        ),
        logging_config=None,
    )


def _static_files() -> Router:
    return create_static_files_router(
        path=render.static_path(),
        directories=[render.STATIC],
        opt={"public": True},
        include_in_schema=False,
        cache_control=security.KEEP_FOR_EVER,
    )
