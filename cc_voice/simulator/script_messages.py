"""Messages of a script: how what happens in it is said on the wire, which ids and names a source has, which fields an event."""

from typing import Any

from cc_voice.simulator import wire
from cc_voice.simulator.media.feeds import MIXED, Packet
from cc_voice.simulator.media.picture_feeds import DuePicture
from cc_voice.simulator.parameters import TranscriptTerms
from cc_voice.simulator.scenario import ASKED, FIRST_USER_ID, ChatLine, Event, Party, Script, ScriptLine, concerns
from cc_voice.simulator.wire import Media, Message, Msg


class ScriptMessages:
    """Makes messages of what one call's script holds; `start_unix_ms` is when it began."""

    def __init__(self, script: Script, start_unix_ms: int) -> None:
        self._script = script
        self._start = start_unix_ms

    def first_packet(self, packet: Packet) -> Message:
        return wire.event_update(wire.plain_event(wire.FIRST_PACKET_TIMESTAMP, self._start + packet.at_ms))

    def audio(self, packet: Packet) -> Message:
        source: Message = {"user_id": 0} if packet.key == MIXED else self._source(packet.key)
        return wire.audio(source, packet.payload, self._start + packet.at_ms)

    def picture(self, kind: Media, picture: DuePicture) -> Message:
        number = Msg.VIDEO if kind == Media.VIDEO else Msg.SHARE
        return wire.picture(number, self._source(picture.key), picture.data, self._start + picture.at_ms)

    def transcript(self, line: ScriptLine, terms: TranscriptTerms) -> Message:
        known = terms.identifies and line.tag != ASKED
        language = wire.language_number(line.tag or line.language) if known else terms.language
        source = self._source(line.channel_id or line.user_id)
        start, end = self._start + line.start_ms, self._start + line.end_ms
        return wire.transcript(source, line.text, start, end, language, line.attribute)

    def chat(self, line: ChatLine) -> Message:
        return wire.chat(self._source(line.user_id), line.text, self._start + line.at_ms, line.message_id, line.operation)

    def event(self, event: Event) -> Message:
        at = self._start + event.at_ms
        who = next((track.who for track in self._script.tracks if concerns(event, track.who)), None)
        if self._script.product.by_channel:
            return wire.event_update(wire.zcc_event(event.event_type, at, _participant_info(event, who)) | event.fields)
        return wire.event_update(wire.plain_event(event.event_type, at, **_participant_fields(event, who)) | event.fields)

    def _source(self, key: str | None) -> Message:
        """Return who a media message is from.

        A channel also gets a user's number and name: the documentation leaves them out, but Zoom's own SDK (1.1.0) drops every
        audio message that has no `user_name`.
        """
        tracks = self._script.tracks
        number, name = next(((n, track.who.name) for n, track in enumerate(tracks) if track.key == key), (0, None))
        if self._script.product.by_channel:
            return {"channel_id": key, "user_id": FIRST_USER_ID + 1024 * number, "user_name": name or ""}
        return {"user_id": int(key or 0), "user_name": name or ""}


def _participant_info(event: Event, who: Party | None) -> Message:
    """Return what Contact Center tells about a party (5.5); the phone number stands in consumer events only."""
    if who is None:
        return {"channel_id": event.channel_id} if event.channel_id else {}
    consumer = who.party == "customer"
    info: dict[str, Any] = {
        "channel_id": who.channel_id,
        "participant_mode": "caller" if consumer else "callee",
        "queue_id": who.queue_id,
        "queue_name": who.queue_name,
        "phone_number": who.phone_number if consumer else None,
        "user_id": who.user_id,
        "display_name": who.name,
    }
    return {key: value for key, value in info.items() if value is not None}


def _participant_fields(event: Event, who: Party | None) -> Message:
    """Return the fields of meeting events 2 to 9 (5.4); numbers for user ids."""
    if who is None or who.user_id is None:
        return {}
    user = (int(who.user_id), who.name or "")
    if event.event_type in (wire.PARTICIPANT_JOIN, wire.PARTICIPANT_LEAVE, wire.VIDEO_ON, wire.VIDEO_OFF):
        return {"participants": wire.participants([user], names=event.event_type == wire.PARTICIPANT_JOIN)}
    return {"user_id": user[0], "user_name": user[1]}
