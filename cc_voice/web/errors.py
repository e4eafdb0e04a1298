"""The one table that turns errors into HTTP, and the two shapes an error has: a page for people, JSON for programs.

Whatever is not in the table is a fault of ours: it is logged with its traceback and answered with 500 and no detail.
"""

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, InternalServerException, NotAuthorizedException
from litestar.response import Redirect

from cc_voice.media.playback import SoundWithheld
from cc_voice.media.recordings import RecordingError
from cc_voice.query.operation_arguments import QuestionMalformed
from cc_voice.query.operations import QuestionError
from cc_voice.query.policies import PolicyConflict, PolicyPinned
from cc_voice.query.reports import NoSuchReport, QueryError
from cc_voice.query.sql import SqlBusy, SqlFailed, SqlLimit, SqlRefused, SqlUnavailable
from cc_voice.store.errors import CallInProgress, ReadTooLong, StoreError
from cc_voice.web.access.account_records import AccountError
from cc_voice.web.access.audit import AuditUnavailable
from cc_voice.web.access.authentication import PasswordChangeNeeded, login_path
from cc_voice.web.api.problems import MEDIA_TYPE, problem
from cc_voice.web.jobs import JobsBusy
from cc_voice.web.rendering.page import page

log = structlog.get_logger()

STATUS: dict[type[Exception], int] = {
    QuestionMalformed: 422,
    QuestionError: 400,
    NoSuchReport: 404,
    QueryError: 400,
    SqlRefused: 400,
    SqlFailed: 400,
    SqlLimit: 400,
    SqlBusy: 429,
    SqlUnavailable: 503,
    SoundWithheld: 404,
    RecordingError: 500,
    ReadTooLong: 400,
    CallInProgress: 409,
    StoreError: 503,
    PolicyConflict: 409,
    PolicyPinned: 409,
    JobsBusy: 429,
    AuditUnavailable: 503,
    AccountError: 400,
    RecursionError: 400,
}
"""Our errors; their messages are written for whoever reads them, so they are the detail. Litestar's carry their own status.
The first that fits counts. Only what strangers nest deeply recurses here, JSON and SQL: that is their fault and no bug of ours."""

WORDS = {
    400: ("This cannot be answered", "Something in the address or the form is not understood."),
    403: ("Not allowed", "This form came from another page, or its page was open for too long. Load the page again and repeat."),
    404: ("Not found", "There is nothing at this address. It may have been deleted, or the link is incomplete."),
    405: ("Not possible here", "This address does not take that kind of request."),
    413: ("Too large", "The request is larger than this appliance accepts."),
    429: ("Too many requests", "Wait a minute and repeat."),
    500: ("Something is broken", "The fault was logged. Calls go on being recorded and stored."),
    503: ("The store does not answer", "Calls go on being recorded. Repeat in a minute."),
}
"""Status → what happened, what to do."""

_GONE = "client disconnected prematurely"
"""What Litestar says when a body never comes to its end."""
_FOR_PROGRAMS = ("/api/", "/owner/", "/webhooks/", "/healthz", "/readyz")


class ErrorPage(msgspec.Struct, frozen=True):
    """An error as people get it."""

    title: str
    advice: str
    detail: str


def answer(request: Request[Any, Any, State], error: Exception) -> Response[Any]:
    """Answer a request that failed."""
    status, detail = describe(error)
    if status >= 500 and not _is_gone(error):
        log.error("request failed", path=request.url.path, status=status, exc_info=error)
        if status == 500 and request.url.path.startswith("/owner/"):  # whoever asks here may read the log too
            detail = f"the service met a fault ({type(error).__name__}: {str(error)[:300]}); its log has the rest"
    if request.url.path.startswith(_FOR_PROGRAMS):
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        if isinstance(error, SqlBusy | JobsBusy):
            headers["retry-after"] = str(error.retry_s)
        told = problem(status, detail, error)
        return Response(told, status_code=status, media_type=MEDIA_TYPE, headers=headers)
    if isinstance(error, NotAuthorizedException):
        return Redirect(login_path(request), status_code=303)
    if isinstance(error, PasswordChangeNeeded):
        return Redirect("/password", status_code=303)
    title, advice = words(status)
    return page(request, "error.html", title=title, view=ErrorPage(title, advice, detail), status=status)


def _is_gone(error: Exception) -> bool:
    """Whether the client left before its request was read: no fault of ours, and as frequent as strangers like."""
    return isinstance(error, InternalServerException) and error.detail == _GONE


def describe(error: Exception) -> tuple[int, str]:
    """Return the status of an error and what may be told about it."""
    if isinstance(error, RecursionError):
        return STATUS[RecursionError], "the request is nested too deeply"
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return status, str(error)
    if isinstance(error, HTTPException):
        return error.status_code, error.detail if error.status_code < 500 else words(error.status_code)[0]
    return 500, words(500)[0]


def words(status: int) -> tuple[str, str]:
    """Return title and advice for a status."""
    return WORDS.get(status, WORDS[500 if status >= 500 else 400])
