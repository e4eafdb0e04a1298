"""The web application, put together: routes, guards, headers, errors. Where it runs is `service.py`'s business."""

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from cc_voice.web import errors, health, owner, security, webhooks
from cc_voice.web.appliance import Appliance

ROUTES: tuple[ControllerRouterHandler, ...] = (webhooks.receive, owner.command, health.healthz)


def create_app(appliance: Appliance) -> Litestar:
    """Return the application of an appliance. It starts nothing: dispatcher and store are the caller's."""

    def provide() -> Appliance:
        return appliance

    return Litestar(
        route_handlers=list(ROUTES),
        dependencies={"appliance": Provide(provide, sync_to_thread=False)},
        exception_handlers={Exception: errors.answer},
        before_send=[security.add_headers],
        state=State({"appliance": appliance}),
        openapi_config=None,
        logging_config=None,
    )
