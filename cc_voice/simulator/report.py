"""Requests and reports: what the simulator is asked for and what it tells about a call; the JSON of the control API is these
structs."""

from pathlib import Path
from typing import Literal

import msgspec

from cc_voice.simulator.link import LinkReport
from cc_voice.simulator.media.feeds import SentAudio
from cc_voice.simulator.media.picture_feeds import PicturesSent
from cc_voice.simulator.scenario import Party
from cc_voice.simulator.script_files import ScriptFile

PlayState = Literal["announced", "joined", "streaming", "paused", "interrupted", "ended"]
"""Where a call stands, as in the picture of `call.py`."""


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How Zoom's part is played. Times are wall clock seconds, whatever the speed of a call."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free port."""
    tls_folder: Path | None = None
    """Links and control API over TLS, with a certificate that is made into this folder; None: in the clear."""
    client_id: str = "simulatedClient"
    client_secret: str = "simulatedClientSecret"
    webhook_secret: str = "simulatedWebhookSecret"
    webhook_url: str | None = None
    """Where webhooks are posted; None: nowhere, whoever started the call delivers them."""
    webhook_retry_s: tuple[float, ...] = (5.0, 20.0, 60.0)
    """Pauses before another attempt to post; Zoom's are minutes."""
    scenarios_dir: Path | None = None
    """Folder of compiled scenarios; None: the bundled ones."""
    keep_alive_s: float = 10.0
    handshake_s: float = 10.0
    """A socket that has not shaken hands by then is closed."""
    join_s: float = 60.0
    """A stream that nobody joined by then ends with reason 11."""
    linger_s: float = 0.5
    """Between the last media and the end of the stream."""
    closing_s: float = 0.0
    """Between state 4 and the end of the links: a client should have left by then."""
    signaling_window_s: float = 60.0
    media_window_s: float = 65.0
    buffer_s: float = 60.0
    """Audio kept for a client that is not there, at the call's speed."""
    replay_s: float = 2.0
    """What was sent in this time before a link was lost is sent again: it may have died in the buffers on the way."""

    @property
    def link_scheme(self) -> str:
        """The scheme of the links' URLs."""
        return "ws" if self.tls_folder is None else "wss"


class CallRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call to play: a bundled scenario, a script of one's own, or an audio file with who speaks on its channels."""

    scenario: str | None = None
    file: str | None = None
    script: str | ScriptFile | None = None
    """A script file on this machine, or the script itself."""
    product: str | None = None
    channels: tuple[Party, ...] = ()
    """One party per file channel, in order; default agent, customer."""
    speed: float | str = 1.0
    """N times real time, or `max`: as fast as the peer takes it."""
    language: str = "en"
    dtx: bool = False
    """Send nothing while a party is silent."""
    stop_reason: int | None = None
    media: tuple[str, ...] | None = None
    """What the app has scopes for: audio, video, deskshare, transcript, chat; None: what is usual for the product."""
    faults: tuple[str, ...] = ()
    """`NAME[:ARG][@SECONDS]`, as in `faults.py`; beside those of the scenario."""


class StartedCall(msgspec.Struct, frozen=True, kw_only=True):
    """The announcement of a call: exactly what a webhook would carry."""

    call: str
    headers: dict[str, str]
    body: str
    """The bytes that were signed, as text."""
    product: str
    instance_id: str
    stream_id: str
    server_urls: str


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """Something the client did that Zoom's protocol forbids."""

    name: str
    detail: str
    link: str
    unix_ms: int


class WebhookReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the delivery of one webhook went."""

    event: str
    attempts: int
    status: int | None
    """Last HTTP status; None: no answer at all."""
    delivered: bool
    answer_ms: int

    @property
    def refused(self) -> bool:
        """The receiver answered that it will not have it."""
        return self.status is not None and 400 <= self.status < 500


class CallStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to know about a call."""

    call: str
    scenario: str
    product: str
    instance_id: str
    stream_id: str
    state: PlayState
    stop_reason: int | None
    speed: float | str
    start_unix_ms: int
    position_ms: int
    duration_ms: int
    channels: tuple[SentAudio, ...]
    events_sent: int
    transcripts_sent: int
    chats_sent: int
    pictures: tuple[PicturesSent, ...]
    """Camera pictures and shared screens, for links that asked for them."""
    faults: tuple[str, ...]
    sockets_opened: int
    interruptions: int
    links: tuple[LinkReport, ...]
    webhooks: tuple[WebhookReport, ...]
    violations: tuple[Violation, ...]

    @property
    def completed(self) -> bool:
        """The call was played to its end for a client that did nothing wrong."""
        faults = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 24}
        return self.state == "ended" and self.stop_reason not in faults and not self.violations
