"""Alert board: what somebody should know of calls in progress, as far as who looks may, and what they do about it."""

from typing import Literal

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, PermissionDeniedException, ValidationException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from cc_voice.quality.alerts import handling
from cc_voice.quality.alerts.handling import CallAlerts
from cc_voice.quality.alerts.reasons import TITLES
from cc_voice.store import alerts
from cc_voice.store.alerts import AlertStorm
from cc_voice.store.database import Connection
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.access.roles import MEANINGS, Right
from cc_voice.web.appliance import Appliance

AlertDeed = Literal["acknowledge", "snooze", "useful", "not-useful"]


class AlertForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a button of the board says: `acknowledge`, `snooze-5`, `not-useful` …"""

    deed: str = ""


async def of_visitor(appliance: Appliance, visitor: Visitor | None) -> dict[str, CallAlerts]:
    """Return by call what a visitor should know, the worst first."""
    if visitor is None:
        return {}
    now_unix_ms = round(appliance.now() * 1000)
    found = await appliance.read(visitor, lambda con: alerts.on_board(con, visitor.account, now_unix_ms))
    return handling.board(found, now_unix_ms)


def sentence(storm: AlertStorm) -> str:
    """Return the line that stands for the alerts of many calls."""
    return f"{TITLES[storm.reason]} in {storm.calls} calls at once: look at the platform, not at the agents"


async def handle(
    appliance: Appliance, request: VisitorRequest, alert_id: str, deed: AlertDeed, minutes: int, *, of_rule: bool
) -> None:
    """Do what somebody decides about an alert they may see. Raises NotFoundException, AuditUnavailable."""
    visitor = signed_in(request)
    right: Right = "mark_alerts" if deed in ("useful", "not-useful") else "alerts"
    if not visitor.may(right):
        raise PermissionDeniedException(f"this needs the right: {MEANINGS[right]}")
    call_id = await appliance.read(visitor, lambda con: alerts.seen(con, alert_id))
    if call_id is None:
        raise NotFoundException(f"there is no alert {alert_id}")
    detail = f"{deed} {minutes} min{' everywhere' if of_rule else ''}" if deed == "snooze" else deed
    await appliance.write_down(request, "change", f"alert {alert_id}", call_id=call_id, detail=detail)
    account, now_unix_ms = visitor.account, round(appliance.now() * 1000)

    def work(con: Connection) -> None:
        match deed:
            case "acknowledge":
                alerts.acknowledge(con, alert_id, account, now_unix_ms)
            case "snooze":
                alerts.snooze(con, alert_id, account, minutes, of_rule=of_rule, now_unix_ms=now_unix_ms)
            case "useful" | "not-useful":
                alerts.mark(con, alert_id, account, deed == "useful", now_unix_ms)

    await appliance.database.write(work)


def deed_of(text: str) -> tuple[AlertDeed, int]:
    """Return what a button says, with the minutes of a snooze. Raises ValidationException."""
    buttons: dict[str, tuple[AlertDeed, int]] = {
        "acknowledge": ("acknowledge", 0),
        "useful": ("useful", 0),
        "not-useful": ("not-useful", 0),
        **{f"snooze-{minutes}": ("snooze", minutes) for minutes in handling.SNOOZE_MINUTES},
    }
    if text not in buttons:
        raise ValidationException(f"deed is {text!r}; there are {', '.join(buttons)}")
    return buttons[text]


@post("/live/alerts/{alert_id:str}", status_code=303, include_in_schema=False)
async def handle_on_board(
    request: VisitorRequest, appliance: NamedDependency[Appliance], alert_id: FromPath[str], data: URLEncodedBody[AlertForm]
) -> Redirect:
    """Acknowledge, snooze or mark an alert, and go back to the board."""
    await handle(appliance, request, alert_id, *deed_of(data.deed), of_rule=False)
    return Redirect("/live", status_code=303)
