"""Scenario: what a call consists of, channels with their audio, events and spoken lines, from a bundled scenario or an audio file.

A `Script` is pure data; playing it is `simulator/media/feeds.py`. All audio is 16 kHz mono here: files are resampled once, on
loading.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cc_voice.simulator import wire
from cc_voice.simulator.errors import ScriptError
from cc_voice.simulator.wire import Media

RATE_HZ = 16_000
BYTES_PER_MS = RATE_HZ * 2 // 1000
PARTIES = ("agent", "customer", "supervisor", "ivr")
TRANSCRIPT_DELAY_MS = 400
ASKED = "asked"
"""As the tag of a line: the language the client asked for."""
FIRST_USER_ID = 16_778_240
"""Meeting user ids are 24-bit-shifted numbers on the wire; they grow by 1024 from here."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks on one file channel. `channel_id` None: the product names its sources by `user_id`."""

    party: str = "agent"
    channel_id: str | None = None
    user_id: str | None = None
    name: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    phone_number: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One platform event; `at_ms` counts from the call's start and may be negative."""

    at_ms: int
    event_type: int
    channel_id: str | None = None
    user_id: str | None = None
    fields: dict[str, Any] = {}
    """Anything else that shall stand in the event object."""
    late_ms: int = 0
    """How long after it happened the server tells of it."""

    @property
    def known_ms(self) -> int:
        return self.at_ms + self.late_ms


class ScriptLine(msgspec.Struct, frozen=True, kw_only=True):
    """One spoken line, for Zoom's own transcript."""

    start_ms: int
    end_ms: int
    text: str
    language: str = "en"
    channel_id: str | None = None
    user_id: str | None = None
    tag: str | None = None
    """What Zoom's identification takes the language for, ASKED: it does not know yet; None: for what it is."""
    attribute: int = 1
    """7.11: 1 new, 2 in place of the line of the same source and start, 3 that line is deleted."""
    said_ms: int | None = None
    """When the server says it; None: TRANSCRIPT_DELAY_MS after it was spoken."""

    @property
    def known_ms(self) -> int:
        return self.end_ms + TRANSCRIPT_DELAY_MS if self.said_ms is None else self.said_ms


class ChatLine(msgspec.Struct, frozen=True, kw_only=True):
    """One chat message, or what happened to one; `operation` as in 7.12."""

    at_ms: int
    text: str
    user_id: str
    message_id: str
    operation: int = 1


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled scenario file; keys it has beyond these (words, speech) are for those who judge a transcript."""

    name: str
    title: str
    product: str
    language: str = "en"
    duration_ms: int
    audio: str
    channels: tuple[Party, ...]
    events: tuple[Event, ...] = ()
    lines: tuple[ScriptLine, ...] = ()
    chat: tuple[ChatLine, ...] = ()
    faults: tuple[str, ...] = ()
    """`NAME[:ARG][@SECONDS]`, as in `faults.py`."""
    stop_reason: int = int(wire.Stop.CUSTOMER_DISCONNECTED)


_SCENARIO = msgspec.json.Decoder(Scenario)
"""Made here, once: msgspec crashes the process when two threads are the first to decode a type (seen with 0.22)."""


class ScriptChannel(msgspec.Struct, frozen=True, kw_only=True):
    """One party's audio on the call's clock."""

    who: Party
    key: str
    """How results and audio name this source: the channel id, or the user id."""
    pcm: bytes
    """L16 little-endian mono 16 kHz, from the call's start."""
    start_ms: int
    end_ms: int


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that happens in one call."""

    name: str
    title: str
    product: wire.WireProduct
    language: str
    duration_ms: int
    tracks: tuple[ScriptChannel, ...]
    events: tuple[Event, ...]
    lines: tuple[ScriptLine, ...]
    stop_reason: int
    chat: tuple[ChatLine, ...] = ()
    faults: tuple[str, ...] = ()


def scenario_names(folder: Path | None = None) -> list[str]:
    """Return the names of the bundled scenarios (or of those in `folder`)."""
    return sorted(path.stem for path in _folder(folder).glob("*.json") if (path.parent / f"{path.stem}.flac").is_file())


@lru_cache(maxsize=16)
def load_scenario(name: str, folder: Path | None = None) -> Script:
    """Load a compiled scenario by name. Raises ScriptError."""
    path = _folder(folder) / f"{name}.json"
    known = scenario_names(folder)
    if name not in known:
        raise ScriptError(f"there is no scenario {name!r}; choose one of: {', '.join(known) or '(none is bundled)'}")
    try:
        scenario = _SCENARIO.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise ScriptError(f"scenario {name!r} cannot be read: {error}") from error
    return compiled(scenario, read_audio(path.parent / scenario.audio))


def load_file(
    path: Path,
    product: str = "contact_center",
    parties: Sequence[Party] = (),
    *,
    language: str = "en",
    stop_reason: int | None = None,
) -> Script:
    """Make a script of an audio file, one party per file channel, with the events of a plain call. Raises ScriptError."""
    if product not in wire.PRODUCTS:
        raise ScriptError(f"there is no product {product!r}; choose one of: {', '.join(wire.PRODUCTS)}")
    audio = read_audio(path)
    parties = parties or tuple(Party(party=party) for party in PARTIES[: len(audio)])
    if len(parties) != len(audio):
        raise ScriptError(f"{path.name} has {len(audio)} channel(s) but {len(parties)} parties were named: name one each")
    people = tuple(named(party, number, wire.PRODUCTS[product]) for number, party in enumerate(parties))
    duration_ms = len(audio[0]) * 1000 // RATE_HZ
    default = wire.Stop.CUSTOMER_DISCONNECTED if product == "contact_center" else wire.Stop.MEETING_ENDED
    scenario = Scenario(
        name=path.stem,
        title=path.name,
        product=product,
        language=language,
        duration_ms=duration_ms,
        audio=path.name,
        channels=people,
        events=plain_events(wire.PRODUCTS[product], people, duration_ms),
        stop_reason=int(default if stop_reason is None else stop_reason),
    )
    return compiled(scenario, audio)


def read_audio(path: Path) -> list[NDArray[np.int16]]:
    """Read WAV of any common encoding or FLAC and return its channels at 16 kHz. Raises ScriptError."""
    try:
        samples, rate_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise ScriptError(f"cannot read {path}: {error}; give a WAV or FLAC file") from error
    if len(samples) == 0:
        raise ScriptError(f"{path} holds no audio")
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ)
    # 32768 both ways: 16-bit files at 16 kHz come out bit for bit as they were.
    scaled = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
    return [np.ascontiguousarray(scaled[:, number]) for number in range(scaled.shape[1])]


def _folder(folder: Path | None) -> Path:
    return folder or Path(str(resources.files("cc_voice.simulator"))) / "scenarios"


def named(party: Party, number: int, product: wire.WireProduct) -> Party:
    """Fill in what a request left open, so that every source has an id of the product's kind. Raises ScriptError."""
    if party.party not in PARTIES:
        raise ScriptError(f"there is no party {party.party!r}; choose one of: {', '.join(PARTIES)}")
    user_id = party.user_id or (f"usr_{party.party}_{number}" if product.by_channel else str(FIRST_USER_ID + 1024 * number))
    if not product.by_channel and not user_id.isdecimal():
        raise ScriptError(f"user_id {user_id!r} must be a number: {product.name} names its participants by number")
    channel_id = (party.channel_id or f"ch-{party.party}-{number}") if product.by_channel else None
    name = party.name or f"{party.party.capitalize()} {number + 1}"
    return msgspec.structs.replace(party, user_id=user_id, channel_id=channel_id, name=name)


def plain_events(product: wire.WireProduct, parties: Sequence[Party], duration_ms: int) -> tuple[Event, ...]:
    """Return the events of a call in which everyone is there from the first to the last moment."""
    if product.name == "phone":
        return ()  # Phone has no V1 event numbers (section 10)
    begun: list[Event] = []
    ended: list[Event] = []
    meeting = (wire.PARTICIPANT_JOIN, wire.PARTICIPANT_LEAVE)
    by_party = {
        "agent": (wire.USER_ANSWERED, wire.USER_END),
        "customer": (wire.CONSUMER_ANSWERED, wire.CONSUMER_END),
        "supervisor": (wire.MONITOR_STARTED, wire.MONITOR_ENDED),
    }
    for who in parties:
        pair = by_party.get(who.party) if product.by_channel else meeting
        if pair is not None:
            begun.append(Event(at_ms=0, event_type=pair[0], channel_id=who.channel_id, user_id=who.user_id))
            ended.append(Event(at_ms=duration_ms, event_type=pair[1], channel_id=who.channel_id, user_id=who.user_id))
    return (*begun, *ended)


def compiled(scenario: Scenario, audio: Sequence[NDArray[np.int16]]) -> Script:
    """Join a scenario with its audio. Raises ScriptError when they do not fit."""
    if scenario.product not in wire.PRODUCTS:
        raise ScriptError(f"scenario {scenario.name!r} has an unknown product {scenario.product!r}")
    if len(audio) != len(scenario.channels):
        raise ScriptError(f"scenario {scenario.name!r} names {len(scenario.channels)} channels, its audio has {len(audio)}")
    product = wire.PRODUCTS[scenario.product]
    return Script(
        name=scenario.name,
        title=scenario.title,
        product=product,
        language=scenario.language,
        duration_ms=scenario.duration_ms,
        tracks=tuple(_track(who, pcm, scenario) for who, pcm in zip(scenario.channels, audio, strict=True)),
        events=tuple(sorted((*scenario.events, *_visible_events(scenario, product)), key=lambda event: event.at_ms)),
        lines=tuple(sorted(scenario.lines, key=lambda line: line.known_ms)),
        stop_reason=scenario.stop_reason,
        chat=scenario.chat or _plain_chat(scenario, product),
        faults=scenario.faults,
    )


def _visible_events(scenario: Scenario, product: wire.WireProduct) -> tuple[Event, ...]:
    """Return a meeting's events about what can be seen, unless its script has some: all cameras on, the first party's screen."""
    seen = {wire.VIDEO_ON, wire.VIDEO_OFF, wire.SHARING_START, wire.SHARING_STOP}
    if Media.VIDEO not in product.media or any(event.event_type in seen for event in scenario.events):
        return ()
    begun: list[Event] = []
    ended: list[Event] = []
    for who in scenario.channels:
        start_ms, end_ms = _present(who, scenario)
        begun.append(Event(at_ms=start_ms, event_type=wire.VIDEO_ON, user_id=who.user_id))
        ended.append(Event(at_ms=end_ms, event_type=wire.VIDEO_OFF, user_id=who.user_id))
    begun.append(Event(at_ms=begun[0].at_ms, event_type=wire.SHARING_START, user_id=begun[0].user_id))
    ended.append(Event(at_ms=ended[0].at_ms, event_type=wire.SHARING_STOP))
    return (*begun, *ended)


def _plain_chat(scenario: Scenario, product: wire.WireProduct) -> tuple[ChatLine, ...]:
    """Return a greeting by each party, the first of which is put right later."""
    if Media.CHAT not in product.media:
        return ()
    greetings = []
    for number, who in enumerate(scenario.channels, start=1):
        at_ms, user_id = _present(who, scenario)[0] + 100, who.user_id or "0"
        greetings.append(ChatLine(at_ms=at_ms, text=f"Hello, {who.name} here", user_id=user_id, message_id=f"m-{number}"))
    changed = msgspec.structs.replace(greetings[0], at_ms=greetings[0].at_ms + 400, text="Hello!", operation=3)
    return (*greetings, changed)


def _track(who: Party, pcm: NDArray[np.int16], scenario: Scenario) -> ScriptChannel:
    key = who.channel_id or who.user_id
    if key is None:
        raise ScriptError(f"scenario {scenario.name!r} has a channel without channel_id and user_id")
    start_ms, end_ms = _present(who, scenario)
    return ScriptChannel(who=who, key=key, pcm=pcm[: end_ms * RATE_HZ // 1000].tobytes(), start_ms=start_ms, end_ms=end_ms)


def _present(who: Party, scenario: Scenario) -> tuple[int, int]:
    """Return from when to when a party is on the call: a channel exists only between its answered and its end event."""
    mine = [event for event in scenario.events if concerns(event, who)]
    begins = {wire.CONSUMER_ANSWERED, wire.USER_ANSWERED} if who.channel_id else {wire.PARTICIPANT_JOIN}
    ends = {wire.CONSUMER_END, wire.USER_END} if who.channel_id else {wire.PARTICIPANT_LEAVE}
    start_ms = min((event.at_ms for event in mine if event.event_type in begins), default=0)
    end_ms = max((event.at_ms for event in mine if event.event_type in ends), default=scenario.duration_ms)
    return max(0, start_ms), min(scenario.duration_ms, end_ms)


def concerns(event: Event, who: Party) -> bool:
    """Tell whether an event is about this party."""
    if event.channel_id is not None:
        return event.channel_id == who.channel_id
    return event.user_id is not None and event.user_id == who.user_id
