"""Language of a live stream: what each channel is recognised in next, as far as Zoom's words tell by now.

Zoom writes a line when it has been said, so the first segment after a change is still heard in the language before; it is heard
again when the stream has ended (second_pass.py). Finding out takes a thread for a moment, and loading a model for seconds: so it is
done aside, and until it is known a channel goes on as it was.
"""

from collections.abc import Callable

import msgspec

from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.transcript.language_track import LanguageTrack, track
from cc_voice.call.utterances import Utterance
from cc_voice.config.languages import primary
from cc_voice.sessions.second_pass import RecogniserOf, identified
from cc_voice.speech.recogniser import RecogniserFactory
from cc_voice.speech.text_language import TextIdentifier

_LINES = 200
"""Of a channel that are kept: minutes, for a listener that is behind."""

ChannelRecogniser = tuple[RecogniserFactory | None, str]
"""What a channel is heard with: a recogniser, and the language (BCP-47)."""


class ChannelLanguages(msgspec.Struct, frozen=True):
    """The languages of one channel so far, each with what it is heard with."""

    track: LanguageTrack
    recognisers: dict[str, ChannelRecogniser]

    def at(self, at_ms: int) -> ChannelRecogniser:
        """Return what is to be heard with at an instant, also one after the last line."""
        return self.recognisers[self.track.at(at_ms)]


def channel_languages(
    words: tuple[Utterance, ...], policy: LanguagePolicy, recogniser: RecogniserOf, identifier: Callable[[], TextIdentifier]
) -> ChannelLanguages:
    """Find out about one channel, loading what it needs. A language without a model is heard in the default, as afterwards."""
    found = track(identified(words, policy, identifier), policy)
    tags = {piece.language: policy.tag(piece.language) for piece in found.pieces}
    return ChannelLanguages(
        found, {language: _chosen_recogniser(tag, policy.default, recogniser) for language, tag in tags.items()}
    )


def _chosen_recogniser(tag: str, default: str, recogniser: RecogniserOf) -> ChannelRecogniser:
    factory = recogniser(tag)
    return (factory, tag) if factory is not None or primary(tag) == primary(default) else (recogniser(default), default)


class LiveLanguages:
    """Zoom's lines of a stream by channel, and what was found out of them. Used by one thread."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[int, Utterance]] = {}
        self._found: dict[str, ChannelLanguages] = {}
        self._asked: dict[str, tuple[tuple[Utterance, ...], LanguagePolicy]] = {}

    def take(self, said: Utterance) -> None:
        """Take a line of Zoom's; one that begins with an earlier one replaces it."""
        lines = self._lines.setdefault(said.channel_id, {})
        lines[said.start_ms] = said
        if len(lines) > _LINES:
            del lines[next(iter(lines))]

    def question(self, channel_id: str, policy: LanguagePolicy) -> tuple[tuple[Utterance, ...], LanguagePolicy] | None:
        """Return what has to be found out about a channel, once; None: nothing is new."""
        asked = (tuple(self._lines.get(channel_id, {}).values()), policy)
        if self._asked.get(channel_id) == asked:
            return None
        self._asked[channel_id] = asked
        return asked

    def answer(self, channel_id: str, course: ChannelLanguages) -> None:
        """Take what was found out."""
        self._found[channel_id] = course

    def recogniser(self, channel_id: str, at_ms: int) -> ChannelRecogniser | None:
        """Return what a channel is to be heard with at an instant; None: nothing is known yet."""
        course = self._found.get(channel_id)
        return course.at(at_ms) if course is not None else None
