"""Live rules: what rules are of the leg that goes on, utterance by utterance, with the matcher and the evaluation of history.

Only final words count. Zoom's revision replaces its line, and a hit that is gone with it is withdrawn. A window closes by media
time, when recognition has passed its end. Who speaks and since when follows from events, as simply as the live board has it; when
the call is measured, legs and transcript are those of `call`, and everything is evaluated again.
"""

from collections.abc import Iterable, Iterator

import msgspec

from cc_voice.call.events import CallEvent, EventName
from cc_voice.call.ids import unused_utterance_id, utterance_id
from cc_voice.call.intervals import Intervals, canonical, overlapping
from cc_voice.call.rows import RuleHitRow, RuleRows, RuleStateRow
from cc_voice.call.utterances import Utterance, mean_confidence
from cc_voice.config.languages import primary
from cc_voice.quality.rules.evaluation import Evaluator
from cc_voice.quality.rules.leg_record import LegLine, LegRecord, TypedInterval, moments
from cc_voice.quality.rules.logic import RuleState
from cc_voice.quality.rules.matcher import Match
from cc_voice.quality.rules.rule import Rule
from cc_voice.quality.rules.rule_rows import hit_rows, state_rows, versions

LOCAL = "local"
_PARTIES: dict[str, str] = {
    EventName.USER_ANSWERED: "agent",
    EventName.CONSUMER_ANSWERED: "customer",
    EventName.MONITOR_STARTED: "supervisor",
}


class LiveNews(msgspec.Struct, frozen=True):
    """What changed since it was asked last."""

    hits: tuple[RuleHitRow, ...] = ()
    withdrawn: tuple[str, ...] = ()
    """Keys of hits that are gone."""
    states: tuple[RuleStateRow, ...] = ()
    """Steps that are decided, each once unless it is decided otherwise."""


class LiveRules:
    """The rules of one live stream."""

    def __init__(self, evaluator: Evaluator, call_id: str) -> None:
        self.evaluator = evaluator
        self._call_id = call_id
        self._parties: dict[str, str] = {}
        self._said: dict[tuple[str, str, int], Utterance] = {}
        """By source, channel and start: a revision has those of what it revises."""
        self._matched: dict[tuple[str, str], tuple[Match, ...]] = {}
        """By id and text of a line."""
        self._since_ms: int | None = None
        self._leg_no = 0
        self._queues: tuple[str, ...] = ()
        self._holds: list[tuple[int, int | None]] = []
        self._shown: dict[str, RuleHitRow] = {}
        self._decided: dict[str, int] = {}
        self._is_open = False
        """A window is open: time alone may decide something."""
        self.is_new = False
        """Something was said, taken back or happened since the rules were asked last."""

    def take_event(self, event: CallEvent) -> None:
        """Take an event, placed on the stream's clock."""
        self.is_new = True
        party = _PARTIES.get(event.name)
        for person in event.participants:
            if party is not None and person.channel_id is not None:
                self._parties.setdefault(person.channel_id, party)
            if person.queue_id or person.queue_name:
                self._queues = tuple(each for each in (person.queue_id, person.queue_name) if each)
        if event.name in (EventName.USER_ANSWERED, EventName.PARTICIPANT_JOIN):
            self._join(event)
        elif event.name == EventName.USER_HOLD and not (self._holds and self._holds[-1][1] is None):
            self._holds.append((event.at_ms, None))
        elif event.name == EventName.USER_UNHOLD and self._holds and self._holds[-1][1] is None:
            self._holds[-1] = (self._holds[-1][0], event.at_ms)

    def _join(self, event: CallEvent) -> None:
        """An agent answers: their leg begins. In meetings the first to join is the agent, the next one the customer."""
        if event.name == EventName.PARTICIPANT_JOIN:
            for person in event.participants:
                if person.channel_id is not None and person.channel_id not in self._parties:
                    self._parties[person.channel_id] = "agent" if "agent" not in self._parties.values() else "customer"
            if self._since_ms is not None:
                return
        self._since_ms = max(0, event.at_ms)
        self._leg_no += 1
        self._holds.clear()
        self._decided.clear()

    def take(self, said: Utterance) -> None:
        """Take a final utterance, or the revision of one."""
        self.is_new = True
        self._said[said.source, said.channel_id, said.start_ms] = said

    @property
    def rules(self) -> Iterator[Rule]:
        """Return the rules of this call."""
        return (each.rule for each in self.evaluator.rules.rules)

    @property
    def hits(self) -> tuple[RuleHitRow, ...]:
        """Return all hits that stand."""
        return tuple(self._shown.values())

    @property
    def missed(self) -> dict[str, int]:
        """Return the steps that the leg that goes on has missed, with the start of the leg."""
        return {rule_id: self._since_ms or 0 for rule_id, state in self._decided.items() if state == RuleState.MISSED}

    def delete(self, channel_id: str, start_ms: int) -> None:
        """Take back a line of Zoom's."""
        self.is_new = True
        self._said.pop(("zoom", channel_id, start_ms), None)

    def news(self, heard_ms: int) -> LiveNews:
        """Return what changed; `heard_ms` is how far recognition has come."""
        is_asked = self.is_new or self._is_open
        self.is_new = False
        if self._since_ms is None or not is_asked:
            return LiveNews()
        leg = self._leg(heard_ms)
        findings = self.evaluator.findings(leg, self._matches(leg.lines))
        self._is_open = any(finding.answer.reason == "open" for finding in findings)
        hits = {row.hit_key: row for row in hit_rows(leg, findings)}
        # A hit of the leg before stays when another agent takes over
        gone = tuple(key for key, row in self._shown.items() if key not in hits and (row.start_ms or 0) >= leg.start_ms)
        new = tuple(row for key, row in hits.items() if key not in self._shown)
        self._shown = {key: row for key, row in self._shown.items() if key not in gone} | hits
        states = [row for row in state_rows(leg, findings) if row.state != RuleState.UNDETERMINED or row.reason != "open"]
        decided = tuple(row for row in states if self._decided.get(row.rule_id) != row.state)
        self._decided |= {row.rule_id: row.state for row in decided}
        return LiveNews(new, gone, decided)

    def _leg(self, heard_ms: int) -> LegRecord:
        start_ms = self._since_ms or 0
        holds = tuple(
            TypedInterval(kind="hold", start_ms=start, end_ms=max(start, heard_ms) if end is None else end)
            for start, end in self._holds
        )
        lines = [self._line(said) for said in self._counted() if (said.start_ms + said.end_ms) // 2 >= start_ms]
        happened = moments(
            start_ms,
            max(start_ms, heard_ms),
            (),
            transferred_out=False,
            transferred_in=self._leg_no > 1,
            hung_up=False,
            is_over=False,
        )
        ended = tuple(end for _, end in self._holds if end is not None)
        return LegRecord(
            leg_id=None,
            call_id=self._call_id,
            start_ms=start_ms,
            end_ms=max(start_ms, heard_ms),
            queues=self._queues,
            is_over=False,
            heard_ms=heard_ms,
            lines=tuple(sorted(lines, key=lambda line: (line.start_ms, line.channel_id, line.source))),
            intervals=holds,
            moments={
                **happened,
                "hold_start": tuple(start for start, _ in self._holds),
                "hold_end": ended,
            },
        )

    def _counted(self) -> Iterable[Utterance]:
        """Yield what counts: our words, and Zoom's where ours have nothing at the time."""
        ours = [said for said in self._said.values() if said.source == LOCAL]
        yield from ours
        spoken: dict[str, Intervals] = {
            channel: canonical((said.start_ms, said.end_ms) for said in ours if said.channel_id == channel)
            for channel in {said.channel_id for said in ours}
        }
        for said in self._said.values():
            if said.source != LOCAL and not overlapping(spoken.get(said.channel_id, ()), (said.start_ms, said.end_ms)):
                yield said

    def _line(self, said: Utterance) -> LegLine:
        key = (
            utterance_id(self._call_id, said.channel_id, said.start_ms)
            if said.source == LOCAL
            else unused_utterance_id(self._call_id, said.channel_id, said.start_ms, said.source)
        )
        middle = (said.start_ms + said.end_ms) // 2
        return LegLine(
            utterance_id=key,
            channel_id=said.channel_id,
            party=self._parties.get(said.channel_id),
            source=said.source,
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            language=primary(said.language),
            text=said.text,
            on_hold=any(start <= middle and (end is None or middle < end) for start, end in self._holds),
            word_count=len(said.words),
            asr_conf=mean_confidence(said.words),
            words=said.words,
        )

    def _matches(self, lines: Iterable[LegLine]) -> dict[str, tuple[Match, ...]]:
        """Return the matches of lines; each text is looked at once."""
        found: dict[str, tuple[Match, ...]] = {}
        for line in lines:
            key = (line.utterance_id, f"{line.language} {line.text}")
            if key not in self._matched:
                self._matched[key] = self.evaluator.matcher.matches(line.text, line.language)
            if self._matched[key]:
                found[line.utterance_id] = self._matched[key]
        return found


def live_rule_rows(rules: LiveRules, heard_ms: int) -> tuple[RuleRows | None, tuple[str, ...]]:
    """Return what changed in a live stream, as its progress tells it: new rows, and keys of hits that are gone."""
    news = rules.news(heard_ms)
    named = {row.rule_id for row in news.hits} | {row.rule_id for row in news.states}
    if not named:
        return None, news.withdrawn
    told = tuple(one for one in versions(rules.evaluator) if one.rule_id in named)
    return RuleRows(rule_set=rules.evaluator.sha, versions=told, hits=news.hits, states=news.states), news.withdrawn
