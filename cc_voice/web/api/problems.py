"""Problems: errors as programs get them (RFC 9457, `application/problem+json`), with the parameter or field that is at fault."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from litestar.exceptions import ClientException, HTTPException

from cc_voice.query.policies import PolicyConflict
from cc_voice.web.access.account_records import AccountError

MEDIA_TYPE = "application/problem+json"
_TITLES = {int(status): status.phrase for status in HTTPStatus}
FieldSource = Literal["query", "path", "header", "body"]


class FieldProblem(msgspec.Struct, frozen=True):
    """What is wrong with one parameter, or one field of a body."""

    source: FieldSource
    name: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error. `detail` is a sentence for whoever asked; `errors` names the parameters and fields at fault, where some are.

    `difference` is there where something was changed since it was read: from what is in force to what is there, line by line.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: tuple[FieldProblem, ...] = ()
    difference: str | msgspec.UnsetType = msgspec.UNSET


class BadParameters(ClientException):
    """Parameters or fields that are not understood."""

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__(detail="; ".join(f"{each.name}: {each.detail}" for each in problems))
        self.problems = problems


class PreconditionFailed(HTTPException):
    """What is there is not what a request was written for."""

    status_code = 412


def bad_query(name: str, detail: str) -> BadParameters:
    """Return the error of one query parameter."""
    return BadParameters(FieldProblem("query", name, detail))


def problem(status: int, detail: str, error: Exception | None = None) -> Problem:
    """Return an error in this shape."""
    title = _TITLES.get(status, "Error")
    difference = error.difference if isinstance(error, PolicyConflict) else msgspec.UNSET
    return Problem(title=title, status=status, detail=detail, errors=_errors(error), difference=difference)


def _errors(error: Exception | None) -> tuple[FieldProblem, ...]:
    if isinstance(error, BadParameters):
        return error.problems
    if isinstance(error, AccountError) and error.field is not None:
        return (FieldProblem("body", error.field, str(error)),)
    extra = error.extra if isinstance(error, HTTPException) else None
    return tuple(_read(extra)) if isinstance(extra, list) else ()


def _read(extra: Iterable[Any]) -> Iterable[FieldProblem]:
    """Yield what Litestar's validation found."""
    for each in extra:
        if isinstance(each, dict) and "message" in each:
            source = str(getattr(each.get("source"), "value", each.get("source") or "body"))
            known: FieldSource = source if source in ("query", "path", "header") else "body"  # type: ignore[assignment]
            yield FieldProblem(known, str(each.get("key") or "data"), str(each["message"]))
