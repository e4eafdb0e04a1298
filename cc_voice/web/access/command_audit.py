"""Command audit: commands of this machine's users in the audit log, whether a service answers them or the command itself."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.config.webhook_settings import hidden
from cc_voice.query.administration import without_user_info
from cc_voice.query.operations import WRITTEN_DOWN, QuestionError
from cc_voice.web.access.audit import FILE, LOCAL, Action, AuditLog, AuditUnavailable, Deed, os_actor

_ACTIONS: dict[str, Action] = {
    "list": "list",
    "view": "view",
    "download": "download",
    "delete": "delete",
    "report": "report",
    "search": "search",
    "export": "export",
    "sql": "sql",
    "import": "import",
    "change": "change",
}


def command_deed(question: str, arguments: Mapping[str, Any], uid: int | None) -> Deed | None:
    """Return what a question of a command is in the audit log, None for one that takes and changes nothing of calls."""
    found = WRITTEN_DOWN.get(question)
    if found is None:
        return None
    action, names = found
    call_id = arguments.get("call_id")
    told = {name: arguments.get(name) for name in names if name != "call_id"}
    return Deed(
        actor=os_actor(uid),
        address=LOCAL,
        action=_ACTIONS[action],
        object=f"command {question}",
        call_id=call_id if isinstance(call_id, str) else None,
        detail=hidden(without_user_info(msgspec.json.encode(told).decode())) if told else "",
    )


def witness(data_dir: Path, question: str, arguments: Mapping[str, Any]) -> None:
    """Write down a question that the command answers itself. Raises QuestionError where the audit log takes nothing."""
    deed = command_deed(question, arguments, None)
    if deed is None or not data_dir.is_dir():
        return
    try:
        audit = AuditLog(data_dir / FILE)
        try:
            audit.write_now(deed, time.time())
        finally:
            audit.close()
    except AuditUnavailable as error:
        raise QuestionError(str(error)) from error


def export_audit(audit: AuditLog) -> Callable[[str, str], None]:
    """Return what writes down an export by schedule (its name, where to), before it is made. For threads."""

    def written(name: str, to: str) -> None:
        deed = Deed(actor="system", address=LOCAL, action="export", object=f"scheduled export {name}", detail=without_user_info(to))
        audit.write_now(deed, time.time())

    return written
