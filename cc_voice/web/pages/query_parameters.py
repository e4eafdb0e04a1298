"""Query parameters: what of the API its handlers' types cannot say, those that are read as a whole, for the API's own
description."""

from dataclasses import dataclass

from litestar.openapi.spec import Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from cc_voice.query import reports as query_reports
from cc_voice.web.pages import filters


@dataclass
class FilteredOperation(Operation):
    """An operation that takes the filters of the list of calls."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), *(text_parameter(name, meaning) for name, meaning in filters.MEANINGS.items())]


@dataclass
class ReportOperation(Operation):
    """An operation that takes the parameters of whichever report it answers."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), *(text_parameter(name, meaning) for name, meaning in _of_reports().items())]


def text_parameter(name: str, meaning: str) -> Parameter:
    """Return the description of a query parameter."""
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
