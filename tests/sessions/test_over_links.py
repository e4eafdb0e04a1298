"""From the webhook to the measured call in every encoding, over real links: the simulator as Zoom, the site's settings as ours."""

import asyncio
import difflib
import os
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from cc_voice.call.batch import Batch, CallMeasured, StreamNotes
from cc_voice.config.media_settings import MediaSettings
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.media.pictures import read_pictures
from cc_voice.rtms.client import Credentials, StreamClient, StreamTarget
from cc_voice.rtms.webhooks import Started, parse_webhook
from cc_voice.sessions import journal
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.session import Session
from cc_voice.sessions.spec import SessionSpec
from cc_voice.sessions.stream_options import client_options
from cc_voice.simulator.report import CallRequest, CallStatus, SimulatorConfig
from cc_voice.simulator.scenario import Party
from cc_voice.simulator.server import Simulator
from cc_voice.speech.codecs import read_audio
from tests.conftest import PATIENCE_S
from tests.media.test_pictures import played
from tests.speech.coding import needs_codecs
from tests.speech.conftest import SCENARIOS

SPEED = 8.0
CREDENTIALS = Credentials(client_id=SimulatorConfig().client_id, client_secret=SimulatorConfig().client_secret)

CHOICES = {
    "default": MediaSettings(),
    "l16 at 8 kHz": MediaSettings(sample_rate_hz=8000, send_rate_ms=100),
    "l16 in stereo": MediaSettings(sample_rate_hz=48_000, channels=2, send_rate_ms=1000),
    "g711": MediaSettings(codec="g711"),
}
CODED = {
    "g722": MediaSettings(codec="g722"),
    "opus": MediaSettings(codec="opus"),
    "opus in stereo": MediaSettings(codec="opus", channels=2),
}


class Played(msgspec.Struct):
    """What became of one call: our side, and Zoom's."""

    batches: list[Batch]
    folder: Path
    status: CallStatus

    @property
    def measured(self) -> CallMeasured:
        (found,) = [batch for batch in self.batches if isinstance(batch, CallMeasured)]
        return found

    @property
    def words(self) -> list[tuple[str, str]]:
        """Who said what, as it was recognised here."""
        said = [said for said in self.measured.call.utterances if said.source == "local"]
        return [(one.party or "", word) for one in said for word in one.text.split()]


async def play(zoom: Simulator, request: CallRequest, site: Settings, recognition: Recognition) -> Played:
    call = await zoom.start_call(request)
    webhook = parse_webhook(call.body.encode())
    assert isinstance(webhook, Started)
    spec = SessionSpec(
        call_id="call",
        stream_id=webhook.stream_id,
        product=webhook.product,
        instance_id=webhook.instance_id,
        app="default",
        target=StreamTarget.of(webhook),
        language="en",
        epoch=1,
        started_event_ms=webhook.event_ts_ms,
    )
    client = StreamClient(spec.target, CREDENTIALS, options=client_options(site, spec.language, resume=False))
    batches: list[Batch] = []
    await asyncio.wait_for(Session(spec, client, site, recognition, batches.append, lambda words: None).run(), PATIENCE_S)
    return Played(batches, recordings.stream_folder(site.recordings_dir, "call", spec.stream_id), zoom.call(call.call))


def site_of(folder: Path, media: MediaSettings) -> Settings:
    folder.mkdir(exist_ok=True)
    return Settings(data_dir=folder, media=media, allow_insecure_links=True, cust_speech_on_hold=True)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory, recognition: Recognition) -> dict[str, Played]:
    """The same call in every encoding that can be played here, two at a time: links of more would starve on a busy machine."""
    chosen = CHOICES if needs_codecs.args[0] else CHOICES | CODED
    folder = tmp_path_factory.mktemp("calls")

    async def play_all() -> list[Played]:
        async with Simulator(SimulatorConfig()) as zoom:
            request = CallRequest(scenario="good-call", speed=SPEED)
            sites = [site_of(folder / str(number), media) for number, media in enumerate(chosen.values())]
            two = asyncio.Semaphore(2)

            async def play_one(site: Settings) -> Played:
                async with two:
                    return await play(zoom, request, site, recognition)

            return await asyncio.gather(*map(play_one, sites))

    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs two cores to keep up with the calls it plays")
    return dict(zip(chosen, asyncio.run(play_all()), strict=True))


@pytest.mark.parametrize("choice", [*CHOICES, *(pytest.param(name, marks=needs_codecs) for name in CODED)])
def test_every_encoding_is_the_same_call(calls: dict[str, Played], choice: str) -> None:
    found, plain = calls[choice], calls["default"]
    assert found.status.violations == ()
    notes = [batch for batch in found.batches if isinstance(batch, StreamNotes)]
    # A link that had to come back, on a busy machine, is not the encoding's fault
    odd = {oddity.name for note in notes for oddity in note.oddities} - {"frame of a superseded socket"}
    assert odd == set()
    assert [note.refused for note in notes if note.refused] == []
    assert difflib.SequenceMatcher(None, found.words, plain.words).ratio() >= 0.85
    leg, same = found.measured.call.legs[0], plain.measured.call.legs[0]
    assert (leg.talk_ms_agent, leg.talk_ms_customer) == pytest.approx((same.talk_ms_agent, same.talk_ms_customer), rel=0.05)
    assert leg.media_gap_ms == 0
    received = [{row.party: row.received_ms for row in one.measured.call.channels} for one in (found, plain)]
    packet_ms = (CHOICES | CODED)[choice].send_rate_ms
    assert received[0] == pytest.approx(received[1], abs=packet_ms), (
        "no more is missing than a codec's delay, nor more there than a packet"
    )


ODD_AUDIO = {
    "user-id-first": None,
    "half-packets": None,
    "half-rate": None,
    "audio-in-seconds": None,
    "turn-mixed@0.8": "mixed_audio",
    "crowd:140": "too_many_parties",
}
"""Faults, and why the numbers of both parties are missing then; None: they are right."""


@pytest.fixture(scope="module")
def odd_calls(tmp_path_factory: pytest.TempPathFactory, recognition: Recognition) -> dict[str, Played]:
    folder = tmp_path_factory.mktemp("odd")
    call = read_audio(SCENARIOS / "good-call.flac")
    sound = np.stack([one[: call.sample_rate_hz * 15] for one in call.channels], axis=1)
    soundfile.write(folder / "call.wav", sound, call.sample_rate_hz)
    parties = (Party(party="agent", name="Sam"), Party(party="customer", name="Kim"))
    plain = CallRequest(file=str(folder / "call.wav"), channels=parties)

    async def play_all() -> list[Played]:
        async with Simulator(SimulatorConfig()) as zoom:
            found = []
            for number, fault in enumerate(("", *ODD_AUDIO)):
                # By life's clock where something happens in the middle: at `max` nobody knows when that is
                speed = SPEED if "@" in fault else "max"
                request = msgspec.structs.replace(plain, speed=speed, faults=(fault,) if fault else ())
                found.append(await play(zoom, request, site_of(folder / str(number), MediaSettings()), recognition))
            return found

    return dict(zip(("", *ODD_AUDIO), asyncio.run(play_all()), strict=True))


@pytest.mark.parametrize(("fault", "reason"), ODD_AUDIO.items())
def test_odd_audio_is_measured_right_or_explained(odd_calls: dict[str, Played], fault: str, reason: str | None) -> None:
    found, plain = odd_calls[fault].measured.call, odd_calls[""].measured.call
    leg, same = found.legs[0], plain.legs[0]
    why = {row.metric: row.reason for row in found.null_reasons}
    if reason is not None:
        numbers = (leg.talk_ms_agent, leg.overtalk_pct, leg.interruptions_agent)
        assert (numbers, why["overtalk_pct"]) == ((None, None, None), reason)
        return
    assert {row.party for row in found.channels} == {"agent", "customer"}
    assert abs(found.call.start_unix_ms - plain.call.start_unix_ms) < 600_000
    assert leg.analysed_ms == pytest.approx(same.analysed_ms, abs=100)
    assert (leg.talk_ms_agent, leg.talk_ms_customer) == pytest.approx((same.talk_ms_agent, same.talk_ms_customer), rel=0.05)


@needs_codecs
async def test_chat_screen_and_camera_of_a_meeting_are_kept(tmp_path: Path, recognition: Recognition) -> None:
    media = MediaSettings(keep_chat=True, keep_share="video", keep_video="images")
    async with Simulator(SimulatorConfig()) as zoom:
        request = CallRequest(scenario="meeting", speed=SPEED, media=("audio", "transcript", "deskshare", "video", "chat"))
        found = await play(zoom, request, site_of(tmp_path / "site", media), recognition)
    assert found.status.violations == ()
    sent = {pictures.kind: pictures.pictures for pictures in found.status.pictures}
    assert len(read_pictures(found.folder / "video")) == sent["video"] > 5
    films = sorted((found.folder / "share").glob("*.mp4"))
    shown = [at_ms for film in films for at_ms, _ in played(film)]
    assert len(shown) == sent["deskshare"] > 20
    # A sender that gets no time leaves pictures out: those it sends stand where they were shown
    assert min(b - a for a, b in pairwise(shown)) >= 150, "five a second at most, at the pace of the call"
    assert shown[-1] == pytest.approx(found.status.duration_ms, abs=10_000)
    recording = recordings.open_recording(found.folder)
    assert recording is not None
    chat = [note for note in recording.journal(msgspec.json.Decoder(journal.Note)) if isinstance(note, journal.ChatNote)]
    assert len(chat) == found.status.chats_sent > 1
    assert found.measured.call.utterances
