"""Recognisers that are kept, with a real model that puts its graph together while decoding: what they cost and understand."""

from pathlib import Path
from typing import Any

import pytest

from cc_voice.speech import capacity
from cc_voice.speech.capacity import Channel
from cc_voice.speech.codecs import read_audio
from cc_voice.speech.models.inventory import ModelInfo, composed_mb
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecogniserFactory
from cc_voice.speech.recogniser_pool import SMALLEST_GRAPH_MB, RecogniserPool
from cc_voice.speech.vosk import VoskFactory

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

KEYWORDS = {
    "calls/ibm_ko-KR_insurance-agent-1_mono_8k.wav": "생명보험사 상담원 본인확인 성함 생년월일 휴대폰번호",
    "clips/ko/ibm_ko-KR_hotel-booking-1_16k.wav": "네명 숙박 호텔 싱글룸 두개 예약",
    "clips/ko/picovoice_test_ko_16k.wav": "그는 피하면서 옆으로 걸어갔다",
}
"""What the corpus's references say that is heard, without spaces."""


@pytest.fixture(scope="module")
def model(korean: Path) -> ModelInfo:
    return ModelInfo(name="korean", language="ko", path=korean, takes_grammars=True)


@pytest.fixture(scope="module")
def channels(corpus: Path) -> dict[str, Channel]:
    read = {name: read_audio(corpus / name) for name in KEYWORDS}
    return {name: Channel(one.channels[0].tobytes(), one.sample_rate_hz) for name, one in read.items()}


def text(factory: RecogniserFactory, channel: Channel) -> str:
    pipeline = ChannelPipeline("channel", channel.rate_hz, factory, "ko")
    found = [*pipeline.feed(channel.pcm), *pipeline.finish()]
    return "".join(said.text for said in found).replace(" ", "")


def test_kept_recognisers_halve_the_work(model: ModelInfo, channels: dict[str, Channel]) -> None:
    """By processor time on the same sound in one run. A service is warm after minutes: here by hearing the same call before."""
    call, hotel, read = channels.values()
    cost = capacity.measure(model, [hotel, call, read, call], 24.0)
    assert cost.ratio <= 0.5
    assert cost.kept_cpu_s < cost.cpu_s
    assert cost.warm_mb == pytest.approx(345, abs=10)
    assert cost.kept_mb < cost.warm_mb


def test_kept_recognisers_understand_as_much(model: ModelInfo, channels: dict[str, Channel]) -> None:
    """Of the references' words at most one fewer than with a new engine for every segment, whoever spoke before."""
    pool: RecogniserPool[Any] = RecogniserPool(400.0)
    new = VoskFactory(model)
    kept = new.lending_from(pool)

    def understood(factory: RecogniserFactory) -> int:
        heard = {name: text(factory, channel) for name, channel in channels.items()}
        return sum(word in heard[name] for name, words in KEYWORDS.items() for word in words.split())

    apart, first, again = understood(new), understood(kept), understood(kept)
    assert apart >= 3
    assert min(first, again) >= apart - 1
    assert (pool.counts().fresh, pool.counts().kept, pool.counts().spoilt) == (1, 1, 0)


def test_the_real_graph_is_one_that_is_kept(model: ModelInfo) -> None:
    assert composed_mb(model) > 10 * SMALLEST_GRAPH_MB
