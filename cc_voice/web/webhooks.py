"""Zoom's webhooks: verify, store, answer – within milliseconds – and only then act (protocol section 2.1).

The row in the inbox is the promise behind the 200: it is committed alone and first, and whoever starts next works off what
was promised and not done. A webhook that is here already was promised before, so it is answered and nothing else.
"""

import structlog
from litestar import Response, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.exceptions import ClientException, NotAuthorizedException, ServiceUnavailableException

from cc_voice.config.settings import ZoomApp
from cc_voice.rtms.errors import WebhookError
from cc_voice.rtms.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER
from cc_voice.rtms.webhooks import UrlValidation, Webhook, parse_webhook, url_validation_answer, verify_webhook
from cc_voice.store import inbox
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.appliance import Appliance

log = structlog.get_logger()

MAX_BODY_BYTES = 1 << 20
"""Zoom's are below 10 KB; a larger one is not read to its end."""


@post(
    "/webhooks/zoom",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    opt={"public": True, "from_programs": True},
    include_in_schema=False,
)
async def receive(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[bytes]:
    """Accept a webhook of any configured app: 200 once it is safe, 401 unsigned, 503 when it cannot be kept (Zoom repeats it)."""
    body = await request.body()
    app = _signer(request, appliance, body)
    try:
        webhook = parse_webhook(body)
    except WebhookError as error:
        log.warning("webhook not understood", app=app.name, reason=str(error))
        raise ClientException("not a webhook of Zoom") from error
    if isinstance(webhook, UrlValidation):
        return Response(url_validation_answer(str(app.webhook_secret), webhook.plain_token), media_type=MediaType.JSON)
    if not await _keep(appliance, app, webhook, body):
        return Response(b"")
    webhook_id = inbox.webhook_id(app.name, body)
    return Response(b"", background=BackgroundTask(appliance.dispatcher.answer, webhook_id, app.name, body))


def _signer(request: VisitorRequest, appliance: Appliance, body: bytes) -> ZoomApp:
    """Return the app whose secret signed the webhook. Raises NotAuthorizedException."""
    apps = appliance.settings.apps
    matched = verify_webhook(
        body,
        request.headers.get(TIMESTAMP_HEADER),
        request.headers.get(SIGNATURE_HEADER),
        [str(app.webhook_secret) for app in apps],
        appliance.now(),
        past_s=appliance.settings.webhook_past_s,
        future_s=appliance.settings.webhook_future_s,
    )
    if matched is None:
        # Both causes are a site's to mend: the wrong webhook secret in the configuration, or a clock that is off.
        log.warning("webhook refused: no app's webhook_secret signed it, or its time is off", apps=[app.name for app in apps])
        raise NotAuthorizedException
    return apps[matched]


async def _keep(appliance: Appliance, app: ZoomApp, webhook: Webhook, body: bytes) -> bool:
    """Commit a webhook to the inbox; False when it is there already. Raises ServiceUnavailableException."""
    stream_id: str | None = getattr(webhook, "stream_id", None)
    received_ms = int(appliance.now() * 1000)
    try:
        return await appliance.database.write(
            lambda con: inbox.insert_webhook(
                con, app=app.name, event=type(webhook).__name__, stream_id=stream_id, body=body, now_unix_ms=received_ms
            )
        )
    except Exception as error:
        # Whatever kept the row from being committed, only a 5xx makes Zoom come again.
        log.exception("webhook not kept", app=app.name, stream_id=stream_id)
        raise ServiceUnavailableException from error
