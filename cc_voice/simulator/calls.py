"""The calls that a simulator plays: started on request, found by their id or their stream's, forgotten long after their end.

Neither sockets nor HTTP here: `server.py` brings the links, `control.py` and Python callers the requests.
"""

import asyncio
import secrets
import uuid
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from cc_voice.simulator import fault_actions, wire
from cc_voice.simulator.call import Call
from cc_voice.simulator.call_faults import CallFaults
from cc_voice.simulator.errors import RequestError, UnknownCall
from cc_voice.simulator.faults import parse_fault
from cc_voice.simulator.link import unix_ms
from cc_voice.simulator.media.sound import encodable
from cc_voice.simulator.negotiation import MEDIA_NAMES, StreamIdentity, Supply
from cc_voice.simulator.playback import MAX, Playback
from cc_voice.simulator.report import CallRequest, CallStatus, SimulatorConfig, StartedCall
from cc_voice.simulator.scenario import Script, load_file, load_scenario
from cc_voice.simulator.script_files import load_script, script_of
from cc_voice.simulator.webhooks import Poster
from cc_voice.simulator.wire import Media

KEPT_CALLS = 1000
"""Ended calls beyond this are forgotten, oldest first."""


class PlayedCalls:
    """Starts calls and remembers them."""

    def __init__(self, config: SimulatorConfig, poster: Poster) -> None:
        self.config = config
        self._poster = poster
        self._calls: dict[str, Call] = {}
        self._by_stream: dict[str, Call] = {}

    async def start(self, request: CallRequest, address: str) -> StartedCall:
        """Start a call: its clock runs from now; the webhook is posted if the configuration says where. Raises SimulatorError.

        `address` is `host:port` as the client knows us.
        """
        script = await asyncio.to_thread(self._script, request)
        faults = CallFaults([parse_fault(text) for text in (*script.faults, *request.faults)])
        script = faults.rewrite(script)
        speed = checked_speed(request.speed)
        call_id = uuid.uuid4().hex[:12]
        identity = self._identity(script.product, call_id)
        start_unix_ms = unix_ms()
        playback = Playback(
            script,
            speed=speed,
            start_unix_ms=start_unix_ms,
            dtx=request.dtx,
            buffer_s=self.config.buffer_s,
            replay_s=self.config.replay_s,
        )
        supply = Supply(_scopes(request.media, script.product), encodable())
        call = Call(call_id, identity, playback, self.config, post=self.post, supply=supply, faults=faults)
        self._remember(call)
        call.begin()
        call.spawn(fault_actions.happen(call))
        body = call.announce(f"{self.config.link_scheme}://{address}/signaling/{identity.stream_id}", start_unix_ms)
        return self.started(call, body)

    def all(self) -> list[Call]:
        return list(self._calls.values())

    def find(self, call_id: str) -> Call:
        """Return a call by its id. Raises UnknownCall."""
        if call_id not in self._calls:
            raise UnknownCall(f"there is no call {call_id!r}")
        return self._calls[call_id]

    def of_stream(self, stream_id: str) -> Call | None:
        return self._by_stream.get(stream_id)

    async def end(self, call_id: str, reason: int | None = None) -> CallStatus:
        """End a call with a stop reason, default the script's own. Raises UnknownCall, RequestError."""
        call = self.find(call_id)
        if reason is not None and not 0 <= reason <= 26:
            raise RequestError(f"stop reason {reason} is none of Zoom's; choose 0 to 26")
        await call.end(call.playback.script.stop_reason if reason is None else reason)
        return call.status()

    def post(self, call: Call, body: bytes) -> None:
        """Post a webhook of a call, as late as its faults say."""
        late_s = call.faults.argument("late-webhook")
        self._poster.post(body, call.webhook_told, after_s=late_s or 0.0)

    def started(self, call: Call, body: bytes) -> StartedCall:
        """Return what a *started* webhook announces, signed now."""
        return StartedCall(
            call=call.call_id,
            headers=wire.webhook_headers(self.config.webhook_secret, body, unix_ms() // 1000),
            body=body.decode(),
            product=call.identity.product.name,
            instance_id=call.identity.instance_id,
            stream_id=call.identity.stream_id,
            server_urls=call.server_urls,
        )

    def _script(self, request: CallRequest) -> Script:
        if sum(named is not None for named in (request.scenario, request.script, request.file)) != 1:
            raise RequestError("name either a scenario, a script or a file")
        if request.file is None and (request.product is not None or request.channels):
            raise RequestError("product and channels belong to the scenario or script; leave them out")
        if request.scenario is not None:
            return load_scenario(request.scenario, self.config.scenarios_dir)
        if isinstance(request.script, str):
            return load_script(Path(request.script))
        if request.script is not None:
            return script_of(request.script, Path.cwd())
        assert request.file is not None
        product = request.product or "contact_center"
        return load_file(Path(request.file), product, request.channels, language=request.language, stop_reason=request.stop_reason)

    def _identity(self, product: wire.WireProduct, call_id: str) -> StreamIdentity:
        # Meeting and session uuids look like base64: they may hold / + =, which careless clients put into paths.
        instance_id = f"ENG{call_id}" if product.by_channel else b64encode(b"\xfb\xff" + secrets.token_bytes(14)).decode()
        stream_id = uuid.uuid4().hex
        signature = wire.handshake_signature(self.config.client_id, self.config.client_secret, instance_id, stream_id)
        return StreamIdentity(product=product, instance_id=instance_id, stream_id=stream_id, signature=signature)

    def _remember(self, call: Call) -> None:
        self._calls[call.call_id] = call
        self._by_stream[call.identity.stream_id] = call
        ended = [old for old in self._calls.values() if old.over.is_set()]
        for old in ended[: max(0, len(self._calls) - KEPT_CALLS)]:
            del self._calls[old.call_id], self._by_stream[old.identity.stream_id]


def _scopes(names: Sequence[str] | None, product: wire.WireProduct) -> Media:
    """Return the media types an app may have. Raises RequestError."""
    if names is None:
        return product.media
    unknown = [name for name in names if name not in MEDIA_NAMES]
    if unknown or not names:
        raise RequestError(f"media {', '.join(unknown) or '(none)'} is not to be had; choose among: {', '.join(MEDIA_NAMES)}")
    scopes = Media(0)
    for name in names:
        scopes |= MEDIA_NAMES[name]
    return scopes


def checked_speed(speed: float | str) -> float | str:
    """Return a speed as `Playback` wants it: a positive number or `max`. Raises RequestError."""
    if speed == MAX:
        return MAX
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= 10_000:
        raise RequestError(f"speed {speed!r} is neither a positive number nor 'max'")
    return factor
