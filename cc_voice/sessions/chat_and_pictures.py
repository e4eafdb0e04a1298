"""Chat and pictures: what a site keeps of a stream beside sound and words, chat in the journal, shared screens and cameras as
pictures.

Off by default. What was not asked for and comes all the same is not kept.
"""

from pathlib import Path

from cc_voice.config.media_settings import MediaSettings
from cc_voice.media.pictures import Kind, PictureWriter
from cc_voice.rtms.events import Chat, PlatformEvent, Share, Video
from cc_voice.sessions import journal
from cc_voice.sessions.call_events import masked_json
from cc_voice.sessions.clock import MediaClock

CAMERA_ON = "participant_video_on"


class ChatAndPictures:
    """Takes what one stream brings beside sound and words. A full disk raises (OSError), what Zoom sends does not."""

    def __init__(self, folder: Path, media: MediaSettings, clock: MediaClock) -> None:
        self.unreadable = 0
        """Pictures that are none."""
        self._clock = clock
        self._keep_chat = media.keep_chat
        self._video_of = _folded(media.video_of) if media.video_of and media.keep_video != "off" else None
        self._names: dict[str, str] = {}
        kept: dict[Kind, str] = {"share": media.keep_share, "video": media.keep_video}
        self._pictures = {kind: PictureWriter(folder, kind) for kind, form in kept.items() if form != "off"}

    def camera_to_subscribe(self, event: PlatformEvent) -> int | None:
        """Return whose camera to ask for after an event: the chosen participant's, when it is switched on.

        Only the event that somebody joined says what a number's name is, so names are remembered.
        """
        for person in event.participants:
            if person.user_id is not None and person.display_name:
                self._names[person.user_id] = _folded(person.display_name)
        if self._video_of is None or event.name != CAMERA_ON:
            return None
        on = (person.user_id for person in event.participants if person.user_id is not None and person.user_id.isdecimal())
        return next((int(user) for user in on if self._video_of in (user, self._names.get(user))), None)

    def keep_picture(self, seen: Share | Video, now: float) -> None:
        """`now` is on the clock of `MediaClock`."""
        pictures = self._pictures.get("share" if isinstance(seen, Share) else "video")
        if pictures is not None and not pictures.keep(seen.source, self._clock.place(seen.timestamp_ms, now), seen.data):
            self.unreadable += 1

    def note_of(self, message: Chat) -> journal.ChatNote | None:
        """Return a chat message for the journal; None where chat is not kept."""
        if not self._keep_chat:
            return None
        return journal.ChatNote(
            source=message.source,
            at_unix_ms=self._clock.settle(message.timestamp_ms),
            message_id=message.message_id,
            operation=message.operation,
            content=masked_json(message.raw),
        )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
