"""Live redaction: what of a running call leaves the worker's memory, and when Zoom's words and chat are written down.

Everything that is shown, stored or written of a call in progress goes through one live pass (`quality/redaction/live_words.py`):
our words, partial and final, Zoom's with their revisions, and chat. What a line shows may change when more was said; then it is
shown and stored once more. A line is written into the journal when it cannot change any more, at the latest `HELD_MS` after its
end, and masked then: a crash before that loses the words, and the sound is still there.

As they were said words are kept in memory until the call is complete (`unwritten`), as only then everything is known.

Everything is called in the event loop. What raises here would cost the call its words or show them, so a pass that fails hides
every number word from then on.
"""

from collections.abc import Iterator, Sequence

import msgspec
import structlog

from cc_voice.call.events import CallEvent
from cc_voice.call.utterances import Utterance, Word
from cc_voice.config.settings import Settings
from cc_voice.quality.redaction import fail_closed, redaction_policy
from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine, find
from cc_voice.quality.redaction.live_words import HELD_MS, LiveLine, LivePass
from cc_voice.quality.redaction.redacted_analysis import with_chips
from cc_voice.rtms.enums import Attribute
from cc_voice.sessions import journal
from cc_voice.sessions.journal import ChatNote, Note, WordsNote
from cc_voice.sessions.journal_redaction import masked_texts
from cc_voice.sessions.redaction import policy_of_call
from cc_voice.speech.pipeline import PartialWords

_PARTIAL = "being said"
_AGAIN_MS = 60_000
"""How long a line is remembered for a pass that begins anew because the call's policy turned out to be another."""


class _Held(msgspec.Struct):
    """A note that is not written yet."""

    note: WordsNote | ChatNote
    end_ms: int
    is_resolved: bool
    stretches: tuple[HiddenStretch, ...]


class LiveRedaction:
    """One stream's words on their way out."""

    def __init__(self, settings: Settings, language: str, log: structlog.typing.FilteringBoundLogger) -> None:
        self._settings, self._language, self._log = settings, language, log
        self._policy = redaction_policy.strictest(settings.redaction)
        self.is_on = self._policy.is_on
        """Whether anything may have to be hidden; it stays so for the call's whole length."""
        self._events: list[CallEvent] = []
        self._pass = LivePass(self._policy)
        self._failed = False
        self._recent: list[tuple[SpokenLine, bool]] = []
        self._said: dict[tuple[str, str, str], Utterance] = {}
        """Final lines that may still be shown otherwise, as they were said."""
        self._held: dict[tuple[str, str, str], _Held] = {}
        self._early: list[WordsNote] = []
        """Words that came before the stream had a clock."""
        self.unwritten: list[Note] = []
        """What the journal does not hold, or not as it was said, in order of arrival."""

    def event(self, event: CallEvent) -> CallEvent:
        """Return an event as it may be written; it may name a queue with a policy of its own."""
        if not self.is_on:
            return event
        if any(person.queue_id or person.queue_name for person in event.participants):
            self._events.append(event)
            self._choose_policy()
        return msgspec.structs.replace(event, payload=masked_texts(event.payload, "", 0, self._language, self._alone))

    def _choose_policy(self) -> None:
        policy = policy_of_call(self._settings, self._events)
        if policy != self._policy:
            self._policy, self._pass = policy, LivePass(policy)
            for line, is_final in self._recent:
                self._taken(line, is_final=is_final)

    def final(self, said: Utterance) -> Utterance:
        """Return words of ours, which will not change, as they may be shown."""
        if not self.is_on:
            return said
        self.partial(said.channel_id, None)
        return self._shown(said)

    def partial(self, channel_id: str, words: PartialWords | None) -> PartialWords | None:
        """Return what is being said on a channel as it may be shown; None: nothing is."""
        if not self.is_on:
            return words
        line = SpokenLine(
            key=_PARTIAL,
            channel_id=channel_id,
            source="local",
            start_ms=words.start_ms if words else 0,
            end_ms=words.end_ms if words else 0,
            language=words.language if words else self._language,
            words=tuple(Word(token) for token in words.text.split()) if words else (),
        )
        if words is None:
            self._pass.retract(line)
            return None
        shown = self._taken(line, is_final=False)
        return msgspec.structs.replace(words, text=_text(shown)) if shown.stretches else words

    def zoom(self, note: WordsNote, t0_unix_ms: int | None) -> list[Utterance]:
        """Take a line of Zoom's, or what has become of one; return what may be shown of it."""
        self.unwritten.append(note)
        if t0_unix_ms is None:
            self._early.append(note)
            return []
        early, self._early = self._early, []
        return [said for one in (*early, note) for said in self._zoom(one, t0_unix_ms)]

    def _zoom(self, note: WordsNote, t0_unix_ms: int) -> Iterator[Utterance]:
        said = journal.utterance(note, t0_unix_ms, self._language)
        key = ("zoom", said.channel_id, _key(said))
        if note.attribute == Attribute.DELETE or not note.text.strip():
            self._held.pop(key, None)
            self._said.pop(key, None)
            self._pass.retract(_line(said))
            return
        shown = self._taken(_line(said), is_final=True)
        self._said[key] = said
        self._held[key] = _Held(note, said.end_ms, shown.is_resolved, shown.stretches)
        yield with_chips(said, shown.stretches)

    def chat(self, note: ChatNote, at_ms: int) -> None:
        """Take a chat message, to be written when it may be."""
        self.unwritten.append(note)
        number = str(len(self.unwritten))

        def take(line: SpokenLine) -> Sequence[HiddenStretch]:
            return self._taken(msgspec.structs.replace(line, key=f"{number} {line.key}"), is_final=True).stretches

        content = masked_texts(note.content, note.source, at_ms, self._language, take)
        # Written at once: one that continues a number is masked by itself here, and with the others when the call is complete
        self._held["chat", note.source, number] = _Held(msgspec.structs.replace(note, content=content), at_ms, True, ())

    def news(self, now_ms: int) -> tuple[list[Utterance], list[Note]]:
        """Return lines that are to be shown otherwise than before, and notes that may be written now."""
        changed: list[Utterance] = []
        for line in self._changes(now_ms):
            key = (line.line.source, line.line.channel_id, line.line.key)
            if (held := self._held.get(key)) is not None:
                held.is_resolved, held.stretches = line.is_resolved, line.stretches
            if (said := self._said.get(key)) is not None:
                changed.append(with_chips(said, line.stretches))
                if line.is_resolved:
                    del self._said[key]
        ready = [key for key, held in self._held.items() if held.is_resolved or now_ms >= held.end_ms + HELD_MS]
        return changed, [_written(self._held.pop(key), self._language) for key in ready]

    def rest(self) -> list[Note]:
        """Return what is still held back, masked: nobody goes on with this stream here."""
        for key, held in self._held.items():
            if not held.is_resolved and key in self._said:
                line = _line(self._said[key])
                held.stretches = (*held.stretches, *_others(fail_closed.every_number((line,)), held.stretches))
        held_back = [*(_alone(note, self._language) for note in self._early), *self._held.values()]
        notes = [_written(held, self._language) for held in held_back]
        self._held.clear()
        self._early.clear()
        return notes

    def _alone(self, line: SpokenLine) -> Sequence[HiddenStretch]:
        """Return what is hidden in a text that is no part of what is said."""
        if not (fail_closed.every_number((line,)) or self._policy.hides("pii")):
            return ()
        try:
            return find((line,), self._policy)
        except Exception as error:  # as in `_taken`
            self._log.error("redaction of an event failed; its numbers are hidden", error=type(error).__name__)
            return fail_closed.every_number((line,))

    def _shown(self, said: Utterance) -> Utterance:
        shown = self._taken(_line(said), is_final=True)
        if not shown.is_resolved:
            self._said["local", said.channel_id, _key(said)] = said
        return with_chips(said, shown.stretches)

    def _taken(self, line: SpokenLine, *, is_final: bool) -> LiveLine:
        self._recent = [(one, final) for one, final in self._recent if line.start_ms - one.start_ms < _AGAIN_MS]
        self._recent.append((line, is_final))
        if not self._failed:
            try:
                return self._pass.take(line, is_final=is_final)
            except Exception as error:  # the outermost frame of what must not fail open; its text may be somebody's words
                self._fail(error)
        return LiveLine(line=line, stretches=fail_closed.every_number((line,)), is_final=is_final, is_resolved=is_final)

    def _changes(self, now_ms: int) -> Sequence[LiveLine]:
        if self._failed or not self.is_on:
            return ()
        try:
            return self._pass.changes(now_ms)
        except Exception as error:  # as above
            self._fail(error)
            return ()

    def _fail(self, error: Exception) -> None:
        self._failed = True
        self._log.error("live redaction failed; every number is hidden from here on", error=type(error).__name__)


def _key(said: Utterance) -> str:
    return str(said.start_ms)


def _line(said: Utterance) -> SpokenLine:
    return SpokenLine(
        key=_key(said),
        channel_id=said.channel_id,
        source="local" if said.source == "local" else "zoom",
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        language=said.language,
        words=said.words,
    )


def _text(shown: LiveLine) -> str:
    said = Utterance(
        channel_id=shown.line.channel_id,
        start_ms=shown.line.start_ms,
        end_ms=shown.line.end_ms,
        text="",
        words=shown.line.words,
        language=shown.line.language,
        source="local",
    )
    return with_chips(said, shown.stretches).text


def _alone(note: WordsNote, language: str) -> _Held:
    """Return a line that came before the stream had a clock, every number in it hidden."""
    line = _line(journal.utterance(note, 0, language))
    return _Held(note, line.end_ms, True, fail_closed.every_number((line,)))


def _written(held: _Held, language: str) -> Note:
    note = held.note
    if isinstance(note, ChatNote) or not held.stretches:
        return note
    shown = with_chips(journal.utterance(note, 0, language), held.stretches)
    return msgspec.structs.replace(note, text=shown.text, words=shown.words)


def _others(more: Sequence[HiddenStretch], known: Sequence[HiddenStretch]) -> Iterator[HiddenStretch]:
    """Yield those stretches that lie in none of the known ones."""
    for one in more:
        if not any(each.first_word <= one.last_word and one.first_word <= each.last_word for each in known):
            yield one
