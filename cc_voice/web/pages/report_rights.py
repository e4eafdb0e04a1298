"""Report rights: which reports somebody may ask. Most need the right to numbers, who saw what that to the audit log."""

import asyncio
from collections.abc import Iterable

from litestar.exceptions import NotAuthorizedException, NotFoundException

from cc_voice.query import reports
from cc_voice.query.reports import Report
from cc_voice.web.access.accounts import Visitor


def permitted_reports(visitor: Visitor | None, known: Iterable[Report]) -> list[Report]:
    """Return the reports among some that a visitor may ask."""
    return [report for report in known if visitor is not None and report.needs in visitor.rights]


async def report_asker(visitor: Visitor | None, name: str) -> Visitor:
    """Return the visitor, who may ask a report of this name. Raises NotFoundException where they may not, as if it were not there.

    A name that nobody knows is let through: `reports.answer` says which names are close.
    """
    if visitor is None:
        raise NotAuthorizedException
    known = await asyncio.to_thread(reports.list_reports)
    if any(report.name == name for report in known) and all(report.name != name for report in permitted_reports(visitor, known)):
        raise NotFoundException("There is no such report.")
    return visitor
