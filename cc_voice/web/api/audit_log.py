"""The audit log over the API, for those who may read it."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from cc_voice.web.access.audit import AuditEntry
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.api import tables
from cc_voice.web.api.parameters import PageLimit
from cc_voice.web.api.tables import TABLE, TableForm, answer_of
from cc_voice.web.appliance import Appliance

EntryNumber = Annotated[int, QueryParameter(ge=0, le=(1 << 63) - 1)]


class AuditEntries(msgspec.Struct, frozen=True):
    """A page of the audit log, oldest first, and the `after` of the next; null at the end."""

    entries: list[AuditEntry]
    next: int | None


@get("/audit", summary="Read the audit log", opt=TABLE, responses=answer_of(AuditEntries))
async def read(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    limit: PageLimit = 100,
    after: EntryNumber = 0,
    call_id: FromQuery[str | None] = None,
    q: FromQuery[str] = "",
    format: FromQuery[TableForm | None] = None,
) -> Response[Any]:
    """Read the audit log behind an entry: who saw, played, took or changed what. The hash of each entry covers the one before."""
    form = tables.chosen_form(request, format, "audit")
    if form == "json":
        appliance.note_down(request, "view", "audit log", detail=str(request.url.query))
    else:
        await tables.write_down(request, appliance, form, "audit log")
    await appliance.audit.flush()
    found = await asyncio.to_thread(appliance.audit.entries, after=after, call_id=call_id or None, like=q[:200], limit=limit + 1)
    shown = found[:limit]
    if form != "json":
        return await tables.file_response(tables.frame_of(AuditEntry, shown), form, "audit")
    return Response(AuditEntries(shown, shown[-1].seq if len(found) > limit else None))
