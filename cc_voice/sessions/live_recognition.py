"""Recognition of a live stream while it is recorded: where each of its channels is, what became final, what is being said.

This runs in the event loop and never waits there: it looks a few times a second how far the recording has come and gives blocks of
it to the pool. A channel that is far behind – a stream taken up again, a machine with too much to do – catches up at the pool's
lower rank, so that calls which are on time stay so.

Words that are being said leave at once, when a block was heard and has changed them. That is what their delay consists of:
packets 20 ms, the look that finds them, waiting for a thread, what detector and recogniser hold back. (Measured: `bench live`.)
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from cc_voice.call.batch import LiveWords
from cc_voice.call.events import CallEvent
from cc_voice.call.intervals import Intervals
from cc_voice.call.transcript.transcript_selection import LOCAL
from cc_voice.call.utterances import Utterance
from cc_voice.config.languages import LanguageSettings
from cc_voice.media.recordings import Recording
from cc_voice.sessions.call_languages import call_policy
from cc_voice.sessions.channel_recognition import BLOCK_MS, ChannelRecognition
from cc_voice.sessions.completion import Heard
from cc_voice.sessions.live_language import ChannelLanguages, LiveLanguages, channel_languages
from cc_voice.sessions.live_redaction import LiveRedaction
from cc_voice.sessions.recognition import Pipelines, Recognition
from cc_voice.sessions.spec import SessionSpec
from cc_voice.speech.pipeline import PartialWords

LOOK_EVERY_S = 0.2
FAR_BEHIND_MS = 10_000
"""From here on a channel catches up: its words are no longer about what is being said."""

Show = Callable[[LiveWords], None]
"""Takes words that are gone when nobody looks; called in the event loop, must not wait."""

VOICE_MS = 400_000
"""How far back the voice of a channel is kept at hand."""


class ChannelVoice(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody was heard on a channel lately, and how far that is known, in ms."""

    voice: Intervals = ()
    to_ms: int = 0


_Step = tuple[list[Utterance], PartialWords | None, ChannelVoice]
"""What a block made final, what was being said at its end, and where somebody was heard."""


class LiveRecognition:
    """The channels of one stream. Everything here is called in the event loop; threads only run the listeners."""

    def __init__(
        self,
        spec: SessionSpec,
        recording: Recording,
        recognition: Recognition,
        languages: LanguageSettings,
        media_ms: Callable[[], int],
        show: Show,
        redaction: LiveRedaction,
        final: Callable[[Utterance], None],
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        """`media_ms` says how far any channel of the stream is, on its clock; `final` takes each utterance at once."""
        self.pipelines: Pipelines | None = None
        """What this call is heard with; None: hearing has not begun."""
        self._spec = spec
        self._recording = recording
        self._recognition = recognition
        self._languages = languages
        self._media_ms = media_ms
        self._show = show
        self._redaction = redaction
        self._final = final
        self._log = log
        self._listeners: dict[str, ChannelRecognition] = {}
        self._live_languages = LiveLanguages()
        self._events: list[CallEvent] = []
        """Those that name a queue: they say which languages the call may be in."""
        self._installed: tuple[str, ...] = ()
        self._asking: dict[str, asyncio.Future[ChannelLanguages]] = {}
        self._is_live = False
        self._running: dict[str, asyncio.Future[_Step]] = {}
        self._news: list[Utterance] = []
        self.voices: dict[str, ChannelVoice] = {}
        """By channel, as of the last block of each."""
        self._shown: dict[str, PartialWords] = {}
        """By channel: the words that were shown last and are not final, as they were shown."""

    @property
    def lag_ms(self) -> int:
        """How far recognition is behind the media."""
        media_ms = self._media_ms()
        heard = [self._listeners[name].position_ms if name in self._listeners else 0 for name in self._recording.channels]
        return max(0, media_ms - min(heard, default=media_ms))

    def news(self) -> list[Utterance]:
        """Return the utterances that have become final since this was asked last."""
        news, self._news = self._news, []
        return news

    async def run(self, looked: Callable[[], None]) -> None:
        """Hear until cancelled; `looked` is called every time. Raises what loading a model raises."""
        loop = asyncio.get_running_loop()
        pool, work = self._recognition.pool, self._recognition.pipelines
        self.pipelines = await loop.run_in_executor(pool, work, self._spec.language)
        self._installed = await loop.run_in_executor(pool, self._recognition.languages)
        self._is_live = True
        try:
            while True:
                for channel_id, file in self._recording.channels.items():
                    if channel_id not in self._listeners:
                        self._listeners[channel_id] = ChannelRecognition(file, self.pipelines.make)
                    self._follow(channel_id, self.pipelines)
                    self._advance(self._listeners[channel_id])
                looked()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._is_live = False

    def take_words(self, said: Utterance) -> None:
        """Take a line of Zoom's: it tells which language is spoken."""
        self._live_languages.take(said)

    def take_event(self, event: CallEvent) -> None:
        """Take an event: it may name the call's queue, which may have languages of its own."""
        if any(person.queue_id or person.queue_name for person in event.participants):
            self._events.append(event)

    def show_again(self, said: Utterance) -> None:
        """Show and report a line that is hidden otherwise than before."""
        if said.source == LOCAL:
            self._news.append(said)
            self._show(self._words(said.channel_id, said, is_final=True))

    async def stop(self) -> None:
        """Wait until no thread reads the recording any more, so that it can be closed."""
        for listener in self._listeners.values():
            listener.stop()
        await self.idle()

    async def idle(self) -> None:
        """Wait for what is being heard; it has been taken when this returns."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    def finish(self) -> Heard:
        """Finish the listeners that heard everything in order; the others are left out and heard again from the file.

        In a thread, when `run` has ended and nothing is being heard.
        """
        heard: Heard = {}
        for channel_id, listener in self._listeners.items():
            if not listener.stale and not listener.failed:
                listener.finish(self._recognition.priority_pool.catch_up)
                heard[channel_id] = listener.heard()
        return heard

    def _follow(self, channel_id: str, pipelines: Pipelines) -> None:
        """Find out about a channel where something is new, and hear it in the language that it is in where it was heard up to."""
        listener = self._listeners[channel_id]
        if (recogniser := self._live_languages.recogniser(channel_id, listener.position_ms)) is not None:
            listener.switch(*recogniser)
        if channel_id in self._asking:
            return
        policy = call_policy(self._languages, self._spec.language, self._installed, self._events)
        if (question := self._live_languages.question(channel_id, policy)) is None:
            return
        loop, ask = (
            asyncio.get_running_loop(),
            partial(channel_languages, *question, pipelines.recogniser, self._recognition.identifier),
        )
        future = self._asking[channel_id] = loop.run_in_executor(self._recognition.pool, ask)
        future.add_done_callback(partial(self._followed, channel_id))

    def _followed(self, channel_id: str, future: "asyncio.Future[ChannelLanguages]") -> None:
        del self._asking[channel_id]
        if future.cancelled():
            return
        if (error := future.exception()) is not None:
            self._log.error("language cannot be followed; the call goes on in the one before", error=repr(error))
        else:
            self._live_languages.answer(channel_id, future.result())

    def _advance(self, listener: ChannelRecognition) -> None:
        channel_id, media_ms = listener.file.channel_id, self._media_ms()
        if listener.failed or channel_id in self._running or (to := listener.begin(media_ms)) is None:
            return
        is_live = media_ms - listener.position_ms < FAR_BEHIND_MS
        block = self._recognition.priority_pool.submit(partial(_step, listener, to), live=is_live)
        future = self._running[channel_id] = asyncio.wrap_future(block)
        future.add_done_callback(partial(self._advanced, listener))

    def _advanced(self, listener: ChannelRecognition, future: "asyncio.Future[_Step]") -> None:
        channel_id = listener.file.channel_id
        del self._running[channel_id]
        if future.cancelled():
            return
        if (error := future.exception()) is not None:
            # The call is heard again from its recording when it ends; the operator sees why its live words stopped.
            self._log.error("recognition failed", channel_id=channel_id, error=repr(error))
            listener.failed = True
            self._show_partial_words(channel_id, None)
            return
        found, partial_words, self.voices[channel_id] = future.result()
        found = [self._redaction.final(said) for said in found]
        self._news.extend(found)
        for said in found:
            self._shown.pop(channel_id, None)
            self._final(said)
            self._show(self._words(channel_id, said, is_final=True))
        self._show_partial_words(channel_id, partial_words)
        # Who is behind waits for a thread, not for the next look. Less than a block is left to that: it will be more by then
        if self._is_live and self.pipelines is not None and self._media_ms() - listener.position_ms >= BLOCK_MS:
            self._follow(channel_id, self.pipelines)
            self._advance(listener)

    def _show_partial_words(self, channel_id: str, partial_words: PartialWords | None) -> None:
        """Show what is being said where it has changed."""
        shown, partial_words = self._shown.get(channel_id), self._redaction.partial(channel_id, partial_words)
        if partial_words is None:
            if shown is not None:
                del self._shown[channel_id]
                self._show(self._words(channel_id, msgspec.structs.replace(shown, text=""), is_final=False))
        elif shown is None or (shown.start_ms, shown.text) != (partial_words.start_ms, partial_words.text):
            self._shown[channel_id] = partial_words
            self._show(self._words(channel_id, partial_words, is_final=False))

    def _words(self, channel_id: str, said: PartialWords | Utterance, is_final: bool) -> LiveWords:
        return LiveWords(
            call_id=self._spec.call_id,
            stream_id=self._spec.stream_id,
            epoch=self._spec.epoch,
            channel_id=channel_id,
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            text=said.text,
            language=said.language,
            is_final=is_final,
            is_redacted=self._redaction.is_on,
            left_unix_ms=time.time_ns() // 1_000_000,
        )


def _step(listener: ChannelRecognition, to: int) -> _Step:
    """Hear a block of a channel; in a thread."""
    found = listener.advance(to)
    voice = ChannelVoice(voice=listener.recent_voice(listener.position_ms - VOICE_MS), to_ms=listener.position_ms)
    return found, listener.partial_words(), voice
