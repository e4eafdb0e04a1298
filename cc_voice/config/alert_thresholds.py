"""Alert thresholds: from when a supervisor is told, a table of each set of thresholds (`[thresholds.alerts]`)."""

from typing import Literal, get_args

import msgspec

AlertReason = Literal[
    "dead_air",
    "hold_long",
    "hold_many",
    "overtalk",
    "monologue",
    "rule",
    "no_disclosure",
    "card_unpaused",
    "sentiment_drop",
    "line",
]
ALERT_REASONS: tuple[AlertReason, ...] = get_args(AlertReason)
ABOUT_AGENTS: frozenset[AlertReason] = frozenset({"overtalk", "monologue"})
"""Reasons that are about how an agent speaks: what a works council may want switched off."""


class AlertThresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when a supervisor is told. Dead air begins with `dead_air_ms` of the set itself."""

    dead_air_worse_ms: int = 30_000
    """Dead air of so long is told again, as worse."""
    hold_long_ms: int = 120_000
    """A hold of so long is told …"""
    hold_worse_ms: int = 300_000
    """… and told again as worse."""
    hold_many: int = 3
    """So many holds of one call are told."""
    overtalk_pct: float = 20.0
    """Both speak for so much of the last minute …"""
    interruptions: int = 3
    """… or one side cuts the other off so often in two minutes."""
    monologue_ms: int = 120_000
    """The agent's turn lasts so long."""
    line_silent_ms: int = 20_000
    """Packets of a side come and nobody was heard in them for so long since the call was answered; later, for three times that."""
    line_behind_ms: int = 10_000
    """Recognition is so far behind the call."""
    sentiment_drop: bool = False
    """Tell when the customer's words become unhappier. Counted by a word list: off unless a site asks for it."""
    off: tuple[AlertReason, ...] = ()
    """Reasons that are never told here; `overtalk` and `monologue` are those about how an agent speaks."""

    def problem(self) -> str | None:
        """Return why a site cannot use these values, None where it can."""
        for name, value in msgspec.structs.asdict(self).items():
            if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
                return f"alerts.{name} is {value}; write more than 0, or name the reason in alerts.off"
        if self.overtalk_pct > 100:
            return f"alerts.overtalk_pct is {self.overtalk_pct}; percentages are 0 to 100"
        if self.hold_worse_ms < self.hold_long_ms:
            return "alerts.hold_worse_ms is below alerts.hold_long_ms"
        return None
