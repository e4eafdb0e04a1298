"""Messages: what the service process and its workers say to each other over a pipe: MessagePack, a tagged union per direction."""

import msgspec

from cc_voice.call.batch import LiveWords, StreamProgress
from cc_voice.quality.alerts.reasons import AlertChange
from cc_voice.sessions.spec import SessionSpec
from cc_voice.speech.recogniser_pool import PoolCounts


class OpenStream(msgspec.Struct, frozen=True, tag="open"):
    """Serve this stream from the stage it has reached."""

    spec: SessionSpec


class Announce(msgspec.Struct, frozen=True, tag="announce"):
    """A further webhook about a stream the worker serves: failover, interrupted or stopped. `body` as Zoom sent it."""

    stream_id: str
    body: bytes


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """Close sockets so that a successor can resume the streams, finish what is being written, and exit."""


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """Tell Zoom that the streams are left for good (message 21), and carry their calls to the end."""


ToWorker = OpenStream | Announce | Leave | Drain


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker is up."""

    pid: int


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """A live stream moved on. Not spooled: the next report, or the finished call, makes up for a lost one."""

    progress: StreamProgress


class WordsSpoken(msgspec.Struct, frozen=True, tag="said"):
    """What is being said in a live stream. Kept nowhere."""

    words: LiveWords


class AlertTold(msgspec.Struct, frozen=True, tag="alert"):
    """An alert of a live stream was raised, became worse, or is over. A lost one is made up for when the stream is taken up."""

    change: AlertChange


class Lending(msgspec.Struct, frozen=True, tag="lending"):
    """What the worker's recognisers have been doing, when that has changed."""

    counts: PoolCounts


class Spooled(msgspec.Struct, frozen=True, tag="spooled"):
    """A batch lies in the spool."""

    batch_id: str


class Closed(msgspec.Struct, frozen=True, tag="closed"):
    """The worker is done with a stream; `error` says why when it could not finish it."""

    stream_id: str
    epoch: int
    error: str | None = None


ToOwner = Ready | Progress | WordsSpoken | AlertTold | Lending | Spooled | Closed

# Made here, once: msgspec crashes the process when two threads are the first to decode a type (seen with 0.22).
TO_WORKER: "msgspec.msgpack.Decoder[ToWorker]" = msgspec.msgpack.Decoder(ToWorker)
TO_OWNER: "msgspec.msgpack.Decoder[ToOwner]" = msgspec.msgpack.Decoder(ToOwner)
