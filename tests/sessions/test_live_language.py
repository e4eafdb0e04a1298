"""A live stream followed into other languages: what is asked, what is found out, and what a channel is heard with next."""

import asyncio
from collections.abc import Callable

import msgspec

from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.utterances import Utterance
from cc_voice.config.languages import LanguageSettings, QueueLanguages
from cc_voice.config.settings import Settings
from cc_voice.rtms import events as rtms
from cc_voice.sessions.live_language import LiveLanguages, channel_languages
from cc_voice.sessions.recognition import Recognition
from cc_voice.speech.recogniser import RecogniserFactory
from cc_voice.speech.text_language import TextIdentifier
from tests.call.calls import zoom
from tests.conftest import PATIENCE_S
from tests.sessions.conftest import AGENT, CUSTOMER, ENDED, OPENING, T0, Stream, Zoom, event, until
from tests.sessions.test_second_pass import Script, in_order, late, right
from tests.sessions.test_second_pass import script as script  # a fixture

BOTH = LanguagePolicy(default="en", languages=("en", "es"))
ENGLISH = zoom("c", (0, 3_000), "I have a problem with my phone.")
SPANISH = zoom("c", (5_000, 8_000), "Perdone, no hablo mucho inglés.", "en")


def test_nothing_is_asked_twice() -> None:
    following = LiveLanguages()
    assert following.question("c", BOTH) == ((), BOTH)
    assert following.question("c", BOTH) is None
    following.take(ENGLISH)
    assert following.question("a", BOTH) == ((), BOTH)
    assert following.question("c", BOTH) == ((ENGLISH,), BOTH)
    fixed = LanguagePolicy(default="es", identify=False)
    assert following.question("c", fixed) == ((ENGLISH,), fixed)
    better = msgspec.structs.replace(ENGLISH, text="I had a problem")
    following.take(better)
    assert following.question("c", fixed) == ((better,), fixed)


def test_only_so_many_lines_are_kept() -> None:
    following = LiveLanguages()
    for start in range(300):
        following.take(zoom("c", (start, start + 1), "so"))
    asked = following.question("c", BOTH)
    assert asked is not None
    assert [len(asked[0]), asked[0][0].start_ms] == [200, 100]


def test_a_channel_is_heard_in_what_it_is_in_where_it_was_heard_up_to(recognition: Recognition) -> None:
    course = channel_languages((ENGLISH, SPANISH), BOTH, recognition.recogniser, recognition.identifier)
    following = LiveLanguages()
    assert following.recogniser("c", 0) is None
    following.answer("c", course)
    recognisers = [following.recogniser("c", at_ms) for at_ms in (0, 4_900, 5_000, 99_000)]
    assert [(found[0].model_name, found[1]) for found in recognisers if found and found[0]] == [
        ("mini-en-test", "en"),
        ("mini-en-test", "en"),
        ("mini-es-test", "es"),
        ("mini-es-test", "es"),
    ]


def test_a_language_without_model_is_heard_in_the_default(recognition: Recognition) -> None:
    german = zoom("c", (0, 3_000), "Guten Tag, mein Name ist Anna.", "de")
    assert channel_languages((german,), BOTH, recognition.recogniser, recognition.identifier).at(0)[1] == "en"


def test_nothing_is_loaded_where_there_is_no_choice() -> None:
    asked: list[str] = []

    def recogniser(language: str) -> RecogniserFactory | None:
        asked.append(language)
        return None

    def identifier() -> TextIdentifier:
        raise AssertionError("half a second and 96 MB for nothing")

    assert channel_languages((SPANISH,), LanguagePolicy(default="en", identify=False), recogniser, identifier).at(0) == (None, "en")
    assert asked == ["en"]


async def live(stream: Stream, events: list[rtms.Event], before: Callable[[Zoom], None] = lambda _: None) -> list[Utterance]:
    """Feed a call as it comes, a little at a time; return the local utterances as they were reported live."""
    zoom_ = Zoom(*OPENING)
    before(zoom_)
    session = stream.session(zoom_)
    running = asyncio.create_task(session.run())
    for at in range(0, len(events), 100):
        fed = events[at : at + 100]
        zoom_.say(*fed)
        so_far_ms = max(one.timestamp_ms for one in fed if isinstance(one, rtms.Audio)) - T0
        await until(lambda so_far_ms=so_far_ms: stream.progress and stream.progress[-1].recognised_ms >= so_far_ms)
    zoom_.say(ENDED)
    await asyncio.wait_for(running, PATIENCE_S)
    return [said for batch in stream.progress for said in batch.utterances if said.source == "local"]


async def test_live_words_follow_a_change_after_a_line(stream: Stream, script: Script) -> None:
    said = await live(stream, in_order(script.packets, script.words(late(20_000))))
    spanish = [one for one in said if one.language == "es"]
    assert {one.channel_id for one in spanish} == {AGENT, CUSTOMER}
    assert min(one.start_ms for one in spanish) < script.first("ch-c1", "es") + 15_000, "though tags come 20 s late"
    assert "gracias por llamar que tenga un buen día" in [one.text for one in spanish]
    assert all(one.language == "en" for one in said if one.start_ms < script.first("ch-c1", "es"))


async def test_a_queue_that_becomes_known_decides(site: Settings, recognition: Recognition, script: Script) -> None:
    rules = (QueueLanguages(queue="Q1", languages=("es",)),)
    stream = Stream(msgspec.structs.replace(site, language=LanguageSettings(queues=rules)), recognition)
    queued = event("user_answered", 100, AGENT, user_id="a1", queue_id="Q1")
    said = await live(stream, in_order(script.packets, script.words(right)), lambda zoom_: zoom_.say(queued))
    assert said
    assert {one.language for one in said if one.start_ms > 10_000} == {"es"}
