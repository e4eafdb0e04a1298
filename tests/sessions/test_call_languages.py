"""Call languages: which languages a call may be in: site, queues, installed models; and what Zoom is asked for."""

import msgspec
import pytest

from cc_voice.call.events import CallEvent, Participant
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.config.languages import LanguageSettings, QueueLanguages
from cc_voice.sessions.call_languages import asks_zoom_to_identify, call_policy, unwritten_policy

SPANISH = QueueLanguages(queue="Billing ES", languages=("es", "en"))
ENGLISH = QueueLanguages(queue="q1", languages=("en",))
SITE = LanguageSettings(queues=(SPANISH, ENGLISH))


def taken(*queues: Participant) -> list[CallEvent]:
    return [CallEvent(at_ms=0, at_unix_ms=0, name="user_answered", participants=(queue,)) for queue in queues]


@pytest.mark.parametrize(
    ("settings", "installed", "expected"),
    [
        (LanguageSettings(), (), LanguagePolicy(default="en-GB", is_open=True)),
        (LanguageSettings(), ("en-US", "es"), LanguagePolicy(default="en-GB", languages=("en-US", "es"), is_open=True)),
        (LanguageSettings(languages=("en", "es")), ("de",), LanguagePolicy(default="en-GB", languages=("en", "es"))),
        (LanguageSettings(languages=("en",)), ("es",), LanguagePolicy(default="en-GB", languages=("en",), identify=False)),
        (LanguageSettings(languages=("es",)), (), LanguagePolicy(default="en-GB", languages=("es",))),
        (LanguageSettings(identify=False), ("es",), LanguagePolicy(default="en-GB", languages=("es",), identify=False)),
    ],
    ids=["nothing said", "models", "a set", "one language", "default and another", "off"],
)
def test_the_site(settings: LanguageSettings, installed: tuple[str, ...], expected: LanguagePolicy) -> None:
    assert call_policy(settings, "en-GB", installed) == expected


@pytest.mark.parametrize(
    ("policy", "installed", "default"),
    [
        (LanguagePolicy(default="en", languages=("ko",), is_open=True), ("ko-KR", "ko"), "ko"),
        (LanguagePolicy(default="en-GB", is_open=True), ("en-US",), "en-GB"),
        (LanguagePolicy(default="en", is_open=True), ("ko", "ja"), "en"),
        (LanguagePolicy(default="en", is_open=True), (), "en"),
        (LanguagePolicy(default="en", languages=("en", "ko")), ("ko",), "en"),
        (LanguagePolicy(default="en", identify=False), ("ko",), "en"),
    ],
    ids=["only one", "the default's", "several", "none", "written down", "fixed"],
)
def test_a_call_nobody_wrote_down_is_in_the_only_language_that_can_be_heard(
    policy: LanguagePolicy, installed: tuple[str, ...], default: str
) -> None:
    found = unwritten_policy(policy, installed)
    assert found == msgspec.structs.replace(policy, default=default)


def test_a_queue_has_its_own_by_id_or_name() -> None:
    by_name = call_policy(SITE, "en", (), taken(Participant(queue_id="q9", queue_name="Billing ES")))
    assert by_name == LanguagePolicy(default="es", languages=("es", "en"))
    by_id = call_policy(SITE, "de", ("de",), taken(Participant(queue_id="q1")))
    assert by_id == LanguagePolicy(default="en", languages=("en",), identify=False)
    assert call_policy(SITE, "de", ("de",), taken(Participant(queue_id="q2"))).default == "de"


def test_a_transferred_call_may_be_in_the_languages_of_both_queues() -> None:
    events = taken(Participant(queue_id="q1"), Participant(queue_name="Billing ES"), Participant(queue_id="q1"))
    assert call_policy(SITE, "de", (), events) == LanguagePolicy(default="en", languages=("en", "es"))


@pytest.mark.parametrize(
    ("settings", "asks"),
    [
        (LanguageSettings(), True),
        (LanguageSettings(identify=False), False),
        (LanguageSettings(languages=("en",)), False),
        (LanguageSettings(languages=("en",), queues=(ENGLISH,)), False),
        (LanguageSettings(languages=("en",), queues=(SPANISH,)), True),
        (LanguageSettings(identify=False, queues=(SPANISH,)), True),
    ],
)
def test_zoom_identifies_where_any_queue_needs_it(settings: LanguageSettings, asks: bool) -> None:
    """A stream's queue is not known when it begins."""
    assert asks_zoom_to_identify(settings, "en") is asks


def test_the_site_spells_its_languages() -> None:
    policy = LanguagePolicy(default="en-GB", languages=("es-MX",))
    assert policy.candidates(["de-DE", "es-ES"]) == ("en", "es", "de")
    assert [policy.tag(language) for language in ("en", "es", "de")] == ["en-GB", "es-MX", "de"]
    assert LanguagePolicy(default="en", languages=("es",), identify=False).candidates(["de"]) == ("en",)
