"""Zoom's webhooks: verify, store, answer – within milliseconds – and only then act (rtms/README.md 2.1).

The row in the inbox is the promise behind the 200: it is committed first, and whoever starts next works off what was promised and
not done. A webhook that is here already was promised before, so it is answered and nothing else. The answer waits for the inbox
only: work is the dispatcher's, in tasks of its own, for a task of the request would hold up the next one on the same connection.
"""

import structlog
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.exceptions import ClientException, NotAuthorizedException, ServiceUnavailableException

from cc_voice.config.settings import ZoomApp
from cc_voice.fleet.webhook_rows import needs_action
from cc_voice.rtms.errors import WebhookError
from cc_voice.rtms.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER
from cc_voice.rtms.webhooks import UrlValidation, parse_webhook, url_validation_answer, verify_webhook
from cc_voice.store import inbox
from cc_voice.store.errors import WebhookNotKept
from cc_voice.store.inbox import InboxRow
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.appliance import Appliance

log = structlog.get_logger()

REQUEST_ID_HEADER = "x-zm-request-id"
MAX_REQUEST_ID = 200
MAX_BODY_BYTES = 128 * 1024
"""Zoom's are below 10 KB; a larger one is not read to its end."""


@post(
    "/webhooks/zoom",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    opt={"from_programs": True},
    include_in_schema=False,
)
async def receive(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[bytes]:
    """Accept a webhook of any configured app: 200 once it is safe, 401 unsigned, 503 when it cannot be kept (Zoom repeats it)."""
    body = await request.body()
    app = _signer(request, appliance, body)
    try:
        webhook = parse_webhook(body)
    except WebhookError as error:
        appliance.counts.webhooks_not_understood += 1
        log.warning("webhook not understood", app=app.name, reason=str(error))
        raise ClientException("not a webhook of Zoom") from error
    if isinstance(webhook, UrlValidation):
        return Response(url_validation_answer(str(app.webhook_secret), webhook.plain_token), media_type=MediaType.JSON)
    row = InboxRow(
        webhook_id=inbox.webhook_id(app.name, body),
        received_unix_ms=int(appliance.now() * 1000),
        app=app.name,
        event=type(webhook).__name__,
        stream_id=getattr(webhook, "stream_id", None),
        request_id=request.headers.get(REQUEST_ID_HEADER, "")[:MAX_REQUEST_ID] or None,
        body=body,
        # What nobody has to act on is worked off by being kept
        state="new" if needs_action(webhook) else "done",
    )
    if await _keep(appliance, row):
        appliance.dispatcher.accept(row, webhook)
    return Response(b"")


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
        appliance.counts.webhooks_unsigned += 1
        # Both causes are a site's to mend: the wrong webhook secret in the configuration, or a clock that is off.
        log.warning("webhook refused: no app's webhook_secret signed it, or its time is off", apps=[app.name for app in apps])
        raise NotAuthorizedException
    return apps[matched]


async def _keep(appliance: Appliance, row: InboxRow) -> bool:
    """Commit a webhook to the inbox; False when it is there already. Raises ServiceUnavailableException."""
    try:
        return await appliance.inbox.keep(row)
    except WebhookNotKept as error:
        # Whatever kept the row from being committed, only a 5xx makes Zoom come again.
        appliance.counts.webhooks_not_kept += 1
        log.error("webhook not kept", app=row.app, stream_id=row.stream_id, reason=str(error))
        raise ServiceUnavailableException from error
