"""Languages written without spaces, found in Zoom's words however these are tagged; with the identifier that serves calls."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.transcript.language_track import track
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.sessions.second_pass import identified
from cc_voice.speech.text_language import TextIdentifier
from tests.call.calls import channel, measured, of_kind, stream, zoom

SAID = {
    "ja": (
        "もしもし、請求書についてお聞きしたいのですが",
        "先月の料金が二回引き落とされています",
        "返金していただけますか、よろしくお願いします",
    ),
    "zh": ("你好,我想问一下我的账单", "上个月的费用被扣了两次", "请问什么时候可以退款给我"),
    "th": ("สวัสดีค่ะ อยากสอบถามเรื่องใบแจ้งหนี้", "เดือนที่แล้วถูกหักเงินสองครั้ง", "ขอเงินคืนได้ไหมคะ"),
    "ko": (
        "안녕하세요 청구서에 대해 문의하고 싶습니다",
        "지난달 요금이 두 번 빠져나갔습니다",
        "환불해 주실 수 있을까요 부탁드립니다",
    ),
}
ENGLISH = (
    "hello i would like to ask about my bill please",
    "one moment please i will have a look for you",
    "you have been charged twice",
)
TAGS: dict[str, Callable[[str], Sequence[str | None]]] = {
    "right": lambda language: ["en"] * 3 + [language] * 3,
    "late": lambda language: ["en"] * 5 + [language],
    "wrong once": lambda language: ["en"] * 3 + [language, "es", language],
    "never": lambda language: ["en"] * 6,
    "absent": lambda language: [None] * 6,
}


@pytest.fixture(scope="module")
def identifier() -> TextIdentifier:
    return TextIdentifier()


@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("language", SAID)
def test_a_language_is_found_whatever_its_tags_say(identifier: TextIdentifier, language: str, tags: str) -> None:
    """Three sentences of English, then three of the other; each is 3 s long, one every five seconds."""
    policy = LanguagePolicy(default="en", languages=("en", "es", language))
    said: list[Utterance] = []
    for place, (text, tag) in enumerate(zip((*ENGLISH, *SAID[language]), TAGS[tags](language), strict=True)):
        line = zoom("c", (5_000 * place, 5_000 * place + 3_000), text, tag or "en")
        said.append(msgspec.structs.replace(line, tagged=tag))
    words = identified(said, policy, lambda: identifier)
    found = track(words, policy, duration_ms=30_000)
    assert [(one.language, one.start_ms) for one in found.stretches] == [("en", 0), (language, 15_000)]

    spans = [(one.start_ms, one.end_ms) for one in said]
    told = stream(channel("a", (28_000, 29_000)), channel("c", *spans), utterances=words)
    call, leg = measured(msgspec.structs.replace(told, policy=policy))
    assert {row.language_code: row.share_pct for row in call.leg_languages if row.party == "customer"} == {"en": 50, language: 50}
    assert [row.end_ms for row in of_kind(call, "lang_switch")] == [15_000]
    assert leg.lang_switch_count_customer == 1
    counts = {row.language_code: row.word_count for row in call.leg_languages if row.party == "customer"}
    assert counts["en"] == sum(len(text.split()) for text in ENGLISH)
    assert counts[language] > ThresholdSet().lang_switch_words * 3
