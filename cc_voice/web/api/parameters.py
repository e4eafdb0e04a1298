"""Parameters: those of which the types of handlers cannot say what they are, and the guard that refuses every other one.

A parameter that nobody reads is a mistake of whoever wrote it: without `sinse=` a sum is over all of time, and looks well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import QueryParameter

from cc_voice.query import reports as query_reports
from cc_voice.query.reports import Report
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.permissions import route_of
from cc_voice.web.api.problems import BadParameters, FieldProblem
from cc_voice.web.pages import filters, search

PageLimit = Annotated[int, QueryParameter(ge=1, le=1000)]
LegNumber = Annotated[int | None, QueryParameter(ge=1, le=10_000)]

MEANINGS = {
    "agent_channel": "Channel of the agent, counted from 0.",
    "alert_id": "Id of an alert, as the list has it.",
    "after": "Only entries behind the one with this number.",
    "before": "Only versions before the one with this number.",
    "call_id": "Id of a call.",
    "customer_channel": "Channel of the customer, counted from 0.",
    "cursor": "`next` of the page before; without it the list begins.",
    "dataset": "What is in the file; without it, by its columns.",
    "deed": "What is done to the account.",
    "durations": "Unit of durations where the file names none.",
    "coaching_id": "Id of a coaching item, as the list has it.",
    "evaluation_id": "Id of an evaluation, as the list has it.",
    "form": "Id of a form, as the list has it.",
    "form_id": "Id of a form, as the list has it.",
    "format": "The form of the answer; it counts before `Accept`.",
    "job_id": "Id of a job.",
    "kind": "Only intervals of this kind.",
    "language": "Language spoken (BCP-47); without it the site's.",
    "leg": "Number of a leg, 1 for the first.",
    "limit": "How many there are on a page, at most.",
    "metric": "Name of a metric, as `/columns` lists them.",
    "name": "Name, as the list has it.",
    "q": "What is looked for.",
    "rule_id": "Id of a rule, as the list has it.",
    "sample_id": "Id of a sample.",
    "status": "Only evaluations in this state.",
    "since": "Only from this local date of the site on.",
    "until": "Only up to this local date of the site.",
    "session_id": "Id of a session, as the list has it; it opens nothing.",
    "start": "When the call began; without it, now.",
    "stage": "Only streams of this stage.",
    "token_id": "Number of a token, as the list has it.",
    "version": "Number of a version.",
    "updated_since": "Only what changed then or later, in the order in which it did: a moment with its zone (RFC 3339).",
}
"""Parameter → what it means, where its own operation does not say so."""


@dataclass
class FilteredOperation(Operation):
    """An operation that takes the filters of the list of calls."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), *(_text_parameter(*each) for each in filters.MEANINGS.items())]


@dataclass
class SearchOperation(Operation):
    """An operation that takes the parameters of search."""

    def __post_init__(self) -> None:
        told = {name: meaning for name, meaning in search.MEANINGS.items() if name != "after"}
        self.parameters = [*(self.parameters or []), *(_text_parameter(*each) for each in told.items())]
        for parameter in self.parameters:
            if isinstance(parameter, Parameter) and parameter.name == "q":
                parameter.required = True


@dataclass
class ReportOperation(Operation):
    """An operation that takes the parameters of whichever report it answers."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), *(_text_parameter(*each) for each in _of_reports().items())]


def _text_parameter(name: str, meaning: str) -> Parameter:
    # Text, whatever it stands for: dates may be relative, lengths m:ss
    return Parameter(name=name, param_in="query", description=meaning, schema=Schema(type=OpenAPIType.STRING))


def _of_reports() -> dict[str, str]:
    """Return every parameter of any report: what it means, and to which it belongs."""
    found: dict[str, dict[str, list[str]]] = {}
    for report in query_reports.list_reports():
        for param in report.params:
            found.setdefault(param.name, {}).setdefault(param.meaning, []).append(report.name)
    return {
        name: "; ".join(f"{meaning} ({', '.join(reports)})" for meaning, reports in meanings.items())
        for name, meanings in sorted(found.items())
    }


async def known_parameters(connection: ASGIConnection[object, Visitor | None, object, State], handler: BaseRouteHandler) -> None:
    """Guard of the API: refuse a parameter that the operation does not have, or that is given twice. Raises BadParameters."""
    if connection.scope["method"] == "OPTIONS":  # type: ignore[typeddict-item]
        return
    known: Mapping[tuple[str, str], frozenset[str]] = connection.app.state.parameters
    refuse_others(connection.query_params.keys(), known.get(route_of(connection), frozenset()))
    twice = [name for name in dict.fromkeys(connection.query_params) if len(connection.query_params.getall(name)) > 1]
    if twice:
        raise BadParameters(*(FieldProblem("query", name, "this parameter is given once") for name in twice))


def refuse_others(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse parameters that are not among those known. Raises BadParameters."""
    names = sorted(known)
    if others := [name for name in dict.fromkeys(given) if name not in names]:
        told = f"there is no such parameter; there are: {', '.join(names)}" if names else "this takes no parameters"
        raise BadParameters(*(FieldProblem("query", name, told) for name in others))


def refuse_others_of(report: Report, given: Iterable[str]) -> None:
    """Refuse parameters that a report does not have. Raises BadParameters."""
    refuse_others(given, (param.name for param in report.params))
