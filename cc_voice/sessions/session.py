"""A live session: one task that receives a stream, records it first, and lets recognition follow.

The loop over Zoom's events never awaits anything but the next event. A second task hears (live_recognition.py) and reports
progress; it reads the recording, so that nothing but the disk stands between the socket and safety.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar, assert_never

import msgspec
import structlog

from cc_voice.call.batch import MediaRefusal, Oddity, Stage, StageReached, StreamNotes, StreamProgress
from cc_voice.call.events import CallEvent, EventName
from cc_voice.call.transcript.transcript_selection import LOCAL
from cc_voice.call.utterances import Utterance
from cc_voice.config.settings import Settings
from cc_voice.media import recordings, rule_sets
from cc_voice.quality.alerts.rule_conditions import rule_conditions
from cc_voice.quality.rules.live import LiveRules, live_rule_rows
from cc_voice.rtms import events as rtms
from cc_voice.rtms.client import StreamClient
from cc_voice.rtms.enums import Attribute, StreamState, name_of
from cc_voice.rtms.errors import MisuseError
from cc_voice.rtms.phases import Phase
from cc_voice.rtms.webhooks import Companion, Stopped, Webhook
from cc_voice.sessions import completion, journal, redaction
from cc_voice.sessions.audio_intake import AudioIntake
from cc_voice.sessions.call_events import call_event, companion_event
from cc_voice.sessions.chat_and_pictures import ChatAndPictures
from cc_voice.sessions.completion import Deliver
from cc_voice.sessions.live_alerts import LiveAlerts, Tell
from cc_voice.sessions.live_recognition import LiveRecognition, Show
from cc_voice.sessions.live_redaction import LiveRedaction
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.spec import SessionSpec

log = structlog.get_logger()
P = ParamSpec("P")
T = TypeVar("T")

PROGRESS_EVERY_S = 1.0
YIELD_EVERY_EVENTS = 64
"""A burst (60 s of backlog) must not keep the loop from other streams' keep-alives."""
_LINKS_OF_AUDIO = ("signaling", "audio", "all")
"""When one of them is lost, audio is: Zoom tears media links down with signaling."""
_WITHOUT_MEDIA = (Phase.SIGNALING, Phase.MEDIA)
FIRST_PACKET = "first_packet_timestamp"


class Session:
    """Serves one stream from its first connection to its last batch. `run` returns when the stream is done with."""

    def __init__(
        self,
        spec: SessionSpec,
        client: StreamClient,
        settings: Settings,
        recognition: Recognition,
        deliver: Deliver,
        show: Show,
        alert: Tell = lambda _: None,
    ) -> None:
        """`alert` takes what changed about alerts; it may be left out where nobody looks."""
        self.spec = spec
        self.client = client
        self._settings = settings
        self._recognition = recognition
        self._deliver = deliver
        self._log = log.bind(call_id=spec.call_id, stream_id=spec.stream_id)
        self._recording = recordings.create(settings.recordings_dir, spec.header())
        redaction.hold_back(settings, self._recording.folder)
        self._redaction = LiveRedaction(settings, spec.language, self._log)
        self._audio = AudioIntake(self._recording, spec.started_event_ms, self._log)
        self._clock = self._audio.clock
        self._rules = LiveRules(rule_sets.evaluator(settings.data_dir), spec.call_id)
        self._live_recognition = LiveRecognition(
            spec,
            self._recording,
            recognition,
            settings.language,
            lambda: self._media_ms,
            show,
            self._redaction,
            self._rules.take,
            self._log,
        )
        self._alerts = LiveAlerts(spec, settings.thresholds, alert)
        self._news_words: list[Utterance] = []
        """Zoom's."""
        self._news_events: list[CallEvent] = []
        self._refused: dict[str, MediaRefusal] = {}
        """By link: media that this stream is without."""
        self._stopped_unix_ms: int | None = None
        self._keepsakes = ChatAndPictures(self._recording.folder, settings.media, self._clock)
        self._ended: rtms.Ended | None = None
        self._abandoned = False
        self._progress_at = 0.0

    @property
    def lag_ms(self) -> int:
        """How far recognition is behind the media."""
        return self._live_recognition.lag_ms

    @property
    def _media_ms(self) -> int:
        t0 = self._recording.header.t0_unix_ms
        return max(0, self._audio.media_unix_ms - t0) if t0 is not None else 0

    async def run(self) -> None:
        """Receive, then complete. Raises what the disk raises; the recording is closed in any case."""
        try:
            await self._receive()
            self._finish_media()
            if self._ended is not None and not self._abandoned:
                await self._finish(self._ended)
        finally:
            await self._live_recognition.stop()
            if self._abandoned or self._ended is None:
                for note in self._redaction.rest():
                    self._recording.note(note)
            # Flushed in a thread: a slow disk must not keep the loop from other streams' keep-alives
            await self._in_thread(self._recording.close)

    def notify(self, webhook: Webhook) -> None:
        """Take a further webhook of this stream. Raises MisuseError for one of another stream."""
        if isinstance(webhook, Stopped):
            self._stopped_unix_ms = self._stopped_unix_ms or webhook.event_ts_ms
        self.client.notify(webhook)

    def _finish_media(self) -> None:
        """Record what waited for more, and tell what of the stream is lost for good."""
        self._audio.finish()
        if self._ended is not None and not self._abandoned:
            self._audio.gaps.finish(self._stopped_unix_ms)

    async def _receive(self) -> None:
        """Take events until the stream ends or is abandoned; however it ends, the client's sockets are closed."""
        listening = asyncio.create_task(self._live_recognition.run(self._report))
        listening.add_done_callback(self._listened)
        count = 0
        try:
            async with aclosing(aiter(self.client)) as events:
                async for event in events:
                    self._take(event)
                    count += 1
                    if count % YIELD_EVERY_EVENTS == 0:
                        await asyncio.sleep(0)
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    def abandon(self) -> None:
        """Close the sockets without telling Zoom, so that a successor can take the stream up within the recovery window."""
        self._abandoned = True
        self.client.abandon()

    def leave(self) -> None:
        """End the stream for good: Zoom is told (message 21), what is on its way is taken, and the call is measured."""
        self._log.warning("stream is left for good")
        self.client.close()

    # -- media loop: never waits ---------------------------------------------------------------------------------

    def _take(self, event: rtms.Event) -> None:
        match event:
            case rtms.Audio():
                self._audio.take(event)
            case rtms.Transcript():
                self._take_words(event)
            case rtms.PlatformEvent():
                self._take_event(event)
            case rtms.LinkUp():
                self._log.info("link is up", link=event.link)
            case rtms.LinkDown():
                self._take_link_down(event)
            case rtms.MediaRefused():
                self._take_refusal(event)
            case rtms.StreamStateChanged():
                self._take_state(event)
            case rtms.AudioFormat():
                self._audio.set_format(event)
            case rtms.Share() | rtms.Video():
                self._keepsakes.keep_picture(event, time.monotonic())
            case rtms.Chat():
                if (note := self._keepsakes.note_of(event)) is not None:
                    self._take_chat(note)
            case rtms.Ended():
                self._ended = event
            case rtms.SessionStateChanged():
                # A stream outlives its sessions (5.8), and each pause of one comes as a state of the stream too
                self._log.info("Zoom's session changed", state=event.state, reason=event.reason)
            case _ as never:
                assert_never(never)

    def _take_link_down(self, down: rtms.LinkDown) -> None:
        self._log.warning("link was lost", link=down.link, error=down.error)
        if down.link in _LINKS_OF_AUDIO:
            self._audio.gaps.open()

    def _take_refusal(self, told: rtms.MediaRefused) -> None:
        """A kind of media will not come, or not again: the operator sees at once of what this stream is without, and why."""
        self._log.warning("stream goes on without media", media=told.link, status=told.status, error=told.error)
        self._refused[told.link] = MediaRefusal(media=told.link, error=told.error)
        self._progress_at = 0.0

    def _take_state(self, told: rtms.StreamStateChanged) -> None:
        self._log.info("stream changed", state=name_of(StreamState, told.state), reason=told.reason)
        if told.state in (StreamState.INTERRUPTED, StreamState.PAUSED):
            self._audio.gaps.open(is_pause=told.state == StreamState.PAUSED)
        elif told.state in (StreamState.TERMINATING, StreamState.TERMINATED):
            self._stopped_unix_ms = self._stopped_unix_ms or told.at_unix_ms

    def _take_words(self, piece: rtms.Transcript) -> None:
        note = journal.WordsNote(
            channel_id=self._audio.names.channel(piece.source, self._recording.channels),
            text=piece.text,
            start_unix_ms=self._clock.settle(piece.start_ms or piece.timestamp_ms),
            end_unix_ms=self._clock.settle(piece.end_ms or piece.timestamp_ms),
            language=piece.language,
            attribute=piece.attribute,
        )
        t0 = self._recording.header.t0_unix_ms
        shown = self._redaction.zoom(note, t0) if self._redaction.is_on else []
        if not self._redaction.is_on:
            self._recording.note(note)
        if t0 is None:
            return
        if note.attribute == Attribute.DELETE:
            self._rules.delete(note.channel_id, note.start_unix_ms - t0)
        elif piece.text.strip():
            said = journal.utterance(note, t0, self.spec.language)
            self._live_recognition.take_words(said)
            if not self._redaction.is_on:
                shown = [said]
        self._take_shown(shown)

    def _take_shown(self, lines: Iterable[Utterance]) -> None:
        """Take Zoom's words as they may be shown: nothing else is reported, and rules find nothing else."""
        for said in lines:
            self._news_words.append(said)
            self._rules.take(said)

    def _take_chat(self, note: journal.ChatNote) -> None:
        if self._redaction.is_on:
            self._redaction.chat(note, note.at_unix_ms - (self._recording.header.t0_unix_ms or note.at_unix_ms))
        else:
            self._recording.note(note)

    def _take_event(self, event: rtms.PlatformEvent) -> None:
        if event.name == FIRST_PACKET and (t0 := self._clock.announce(event.at_unix_ms, time.monotonic())) is not None:
            self._audio.start_clock(t0)
        if (camera := self._keepsakes.camera_to_subscribe(event)) is not None:
            with contextlib.suppress(MisuseError):  # signaling was lost since: what is on is told again when it is back
                self.client.subscribe_video(camera)
        told = msgspec.structs.replace(event, at_unix_ms=self._clock.settle(event.at_unix_ms))
        for person in event.participants:
            self._audio.names.event(person.channel_id, person.user_id)
        plain = self._redaction.event(call_event(told, self._settings.customer_key_salt))
        self._recording.note(journal.PlatformNote(event=plain))
        self._news_events.append(plain)
        self._alerts.take_event(plain)
        self._live_recognition.take_event(plain)

    def take_companion(self, webhook: Companion) -> None:
        """An ordinary webhook told something about the call's engagement: it goes on the time line as events do.

        An engagement that has ended, and whose media never came, ends the stream too; where media came, Zoom may still hold some.
        """
        at_unix_ms = webhook.event_ts_ms or time.time_ns() // 1_000_000
        plain = self._redaction.event(companion_event(webhook, self._clock.settle(at_unix_ms)))
        self._recording.note(journal.PlatformNote(event=plain))
        self._news_events.append(plain)
        if plain.name == EventName.WEBHOOK_ENDED and not self._recording.channels and self.client.phase in _WITHOUT_MEDIA:
            self._log.warning("the engagement ended before any media came")
            self.leave()

    # -- recognition: follows ------------------------------------------------------------------------------------

    def _listened(self, task: "asyncio.Task[None]") -> None:
        """The call is recorded all the same and heard when it ends; the operator sees why nothing of it is shown meanwhile."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("live recognition stopped", error=repr(error))

    def _write_words(self) -> None:
        """Write what was held back and may be written now; show what is hidden otherwise than before."""
        changed, notes = self._redaction.news(self._media_ms)
        for note in notes:
            self._recording.note(note)
        for said in changed:
            if said.source == LOCAL:
                self._live_recognition.show_again(said)
                self._rules.take(said)
            else:
                self._take_shown((said,))

    def _report(self) -> None:
        self._write_words()
        t0 = self._recording.header.t0_unix_ms
        self._alerts.look(t0, self._media_ms, self._recording.channels, self._live_recognition.voices)
        now = time.monotonic()
        if now < self._progress_at and not self._rules.is_new:
            return
        self._progress_at = now + PROGRESS_EVERY_S
        self._deliver(self.progress())

    def progress(self) -> StreamProgress:
        """Return what is new since the last report."""
        t0 = self._recording.header.t0_unix_ms
        utterances, self._news_words = (*self._live_recognition.news(), *self._news_words), []
        self._alerts.take_words(utterances)
        events: tuple[CallEvent, ...] = ()
        if t0 is not None:
            events, self._news_events = tuple(journal.place(event, t0) for event in self._news_events), []
        for event in events:
            self._rules.take_event(event)
        recognised_ms = self._media_ms - self.lag_ms
        rules, withdrawn = live_rule_rows(self._rules, recognised_ms)
        self._alerts.take_hits(rule_conditions(self._rules.rules, self._rules.hits, self._rules.missed))
        return StreamProgress(
            call_id=self.spec.call_id,
            stream_id=self.spec.stream_id,
            epoch=self.spec.epoch,
            product=self.spec.product,
            t0_unix_ms=t0,
            media_ms=self._media_ms,
            recognised_ms=recognised_ms,
            utterances=utterances,
            is_redacted=self._redaction.is_on,
            events=events,
            refused=tuple(self._refused.values()),
            rules=rules,
            withdrawn=withdrawn,
        )

    # -- the end -------------------------------------------------------------------------------------------------

    async def _finish(self, ended: rtms.Ended) -> None:
        self._recording.note(journal.EndNote(kind=ended.kind, stop_reason=ended.reason, error=ended.error))
        oddities = self._oddities()
        say = self._log.warning if ended.error else self._log.info
        odd = {oddity.name: oddity.count for oddity in oddities}
        say("stream ended", kind=ended.kind, stop_reason=ended.reason, error=ended.error, odd=odd)
        if ended.kind == "revoked":
            await self._revoke(ended)
            return
        if oddities or self._refused:
            await self._in_thread(self._deliver, self._notes(oddities))
        if (failure := self._nothing_heard(ended)) is not None:
            await self._in_thread(self._deliver, self._stage("failed", failure, ended.reason))
        else:
            await self._live_recognition.idle()
            in_call = copy_context().run  # what is logged in the thread names the call
            await asyncio.get_running_loop().run_in_executor(self._recognition.ended, in_call, self._complete)

    def _complete(self) -> None:
        """Hear the rest and carry the stream to its last stage; in a thread."""
        heard = self._live_recognition.finish()
        self._recording.close()
        pipelines = self._live_recognition.pipelines
        completion.complete(
            self.spec,
            self._settings,
            self._recognition,
            self._deliver,
            heard=heard,
            pipelines=pipelines,
            unwritten=self._redaction.unwritten,
            rules=self._rules.evaluator,
        )

    def _oddities(self) -> tuple[Oddity, ...]:
        """Return what was odd, most frequent first: what the protocol's side counted, and ours."""
        ours = {
            "audio at an impossible time": self._clock.left_out,
            "clock set": self._clock.settings,
            "audio lost (ms)": round(self._audio.losses.total_ms),
            "audio damaged": self._audio.writer.damaged,
            "audio refused": self._audio.writer.refused,
            "audio of too many sources": self._audio.writer.crowded_out,
            "picture unreadable": self._keepsakes.unreadable,
        }
        found = [Oddity(name, count) for name, count in (ours | dict(self.client.counters)).items() if count]
        return tuple(sorted(found, key=lambda oddity: (-oddity.count, oddity.name)))

    def _notes(self, oddities: tuple[Oddity, ...]) -> StreamNotes:
        return StreamNotes(
            call_id=self.spec.call_id,
            stream_id=self.spec.stream_id,
            epoch=self.spec.epoch,
            oddities=oddities,
            refused=tuple(self._refused.values()),
        )

    def _nothing_heard(self, ended: rtms.Ended) -> str | None:
        """Return why there is nothing to complete; None: there is, or nobody knows why not."""
        if self._recording.channels:
            return None
        if self._audio.writer.refusal is not None or self._recording.header.t0_unix_ms is not None:
            return self._audio.writer.refusal
        unheard = next((refusal.error for link, refusal in self._refused.items() if link in _LINKS_OF_AUDIO), None)
        return ended.error or unheard

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._recognition.pool, partial(work, *args, **kwargs))

    async def _revoke(self, ended: rtms.Ended) -> None:
        """Delete what was received, then say so: the batch is also the store's order to delete."""
        await self._live_recognition.stop()
        await self._in_thread(self._recording.close)
        await self._in_thread(recordings.delete_stream, self._settings.recordings_dir, self.spec.call_id, self.spec.stream_id)
        reason = "Zoom revoked the stream: everything received was deleted"
        await self._in_thread(self._deliver, self._stage("revoked", reason, ended.reason))

    def _stage(self, stage: Stage, reason: str | None, stop_reason: int | None) -> StageReached:
        of = self.spec
        return StageReached(
            call_id=of.call_id, stream_id=of.stream_id, epoch=of.epoch, stage=stage, reason=reason, stop_reason=stop_reason
        )
