"""Thresholds: which thresholds a leg is measured with, and which a site may not write."""

import re
from pathlib import Path

import msgspec
import pytest

from cc_voice.call.reasons import REASONS
from cc_voice.config import settings
from cc_voice.config.settings import SettingsError
from cc_voice.config.thresholds import QueueThresholds, ThresholdSet, for_queue, told
from cc_voice.query import columns

BILLING = QueueThresholds(name="billing", queues=("Q_billing", "Billing ES"), long_silence_ms=5_000)


@pytest.mark.parametrize(
    ("queue_id", "queue_name", "long_silence_ms"),
    [
        ("Q_billing", None, 5_000),
        (None, "Billing ES", 5_000),
        ("Q_other", "Billing ES", 5_000),
        ("Q_other", "Sales", 3_000),
        (None, None, 3_000),
    ],
)
def test_a_leg_has_the_thresholds_of_its_queue(queue_id: str | None, queue_name: str | None, long_silence_ms: int) -> None:
    chosen = for_queue(ThresholdSet(), [QueueThresholds(name="to be tried", long_silence_ms=1), BILLING], queue_id, queue_name)
    assert chosen.long_silence_ms == long_silence_ms
    assert type(chosen) is ThresholdSet


@pytest.mark.parametrize(("site", "queue", "measured"), [(True, True, True), (False, True, False), (True, False, False)])
def test_agents_whom_the_site_leaves_out_no_queue_takes_in(site: bool, queue: bool, measured: bool) -> None:
    sets = [QueueThresholds(name="billing", queues=("Q_billing",), raised_voice_agent=queue)]
    chosen = for_queue(ThresholdSet(raised_voice_agent=site), sets, "Q_billing", None)
    assert chosen.raised_voice_agent is measured


def test_whose_words_count_is_the_sites_in_every_queue() -> None:
    site = ThresholdSet(transcript_prefer="best", min_transcript_conf=0.9)
    chosen = for_queue(site, [BILLING], "Q_billing", None)
    assert (chosen.transcript_prefer, chosen.min_transcript_conf, chosen.long_silence_ms) == ("best", 0.9, 5_000)


def load(tmp_path: Path, toml: str) -> settings.Settings:
    path = tmp_path / "site.toml"
    path.write_text(toml)
    return settings.load(path, environ={})


def test_sets_are_read_from_the_configuration_and_reach_workers(tmp_path: Path) -> None:
    found = load(tmp_path, '[[thresholds]]\nname = "billing"\nqueues = ["Q_billing", "Billing ES"]\nlong_silence_ms = 5000\n')
    assert found.thresholds == (BILLING,)
    assert settings.loads(settings.dumps(found)).thresholds == (BILLING,)


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('[[thresholds]]\nname = "a"\n[[thresholds]]\nname = "a"\n', "two sets of thresholds have the name 'a'"),
        ('[[thresholds]]\nname = "a"\nqueues = ["Q"]\n[[thresholds]]\nname = "b"\nqueues = ["Q"]\n', "for the queue 'Q'"),
        ("[[thresholds]]\nlong_silence_ms = -1\n", "long_silence_ms is -1"),
        ("[[thresholds]]\nquiet_dbfs = 45.0\n", "quiet_dbfs is 45.0; levels are -100 to 0 dBFS"),
        ("[[thresholds]]\necho_correlation_pct = 101\n", "echo_correlation_pct is 101"),
        ("[[thresholds]]\nlow_conf = 60.0\n", "confidences are 0 to 1"),
        ("[[thresholds]]\nvad_min_speech_ms = 50\n", "vad_min_speech_ms cannot be set here"),
        ("[[thresholds]]\ntranscript_prefer = 'zoom'\n", "transcript_prefer cannot be set here"),
        ("[[thresholds]]\nname = 'a'\nqueues = ['Q']\nmin_transcript_conf = 0.5\n", "not for queues"),
        ("[[thresholds]]\nthreshold_set_id = 3\n", "threshold_set_id cannot be set here"),
        ("[[thresholds]]\nlong_silence = 3\n", "long_silence"),
    ],
)
def test_a_set_that_makes_no_sense_is_refused(tmp_path: Path, toml: str, told: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(tmp_path, toml)
    assert told in str(error.value)


# -- thresholds in texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{long_silence_s} s and more", "3 s and more"),
        ("{overtalk_ms} ms", "300 ms"),
        ("{lang_switch_s} s, {lang_switch_words} words, {lang_switch_conf}", "1.5 s, 3 words, 0.7"),
        ("below {quiet_dbfs} dBFS", "below −45 dBFS"),
        ("nothing", "nothing"),
    ],
)
def test_a_text_is_told_with_the_numbers_of_its_set(text: str, written: str) -> None:
    assert told(text, [ThresholdSet()]) == written


def test_sets_that_differ_are_both_told() -> None:
    assert told("{long_silence_s} s", [BILLING.values, ThresholdSet(), ThresholdSet()]) == "3 or 5 s"
    with pytest.raises(AttributeError):
        told("{long_silens_s} s", [ThresholdSet()])


def test_every_text_that_names_a_threshold_follows_it() -> None:
    """Texts in which a place was forgotten, or has a name that no set has, would say the default for ever."""
    values = msgspec.structs.asdict(ThresholdSet())
    other = ThresholdSet(**{name: value + 1 for name, value in values.items() if type(value) in (int, float)})
    texts = [text for each in columns.columns().values() for text in (each.formula, each.meaning or "")] + list(REASONS.values())
    named = [text for text in texts if "{" in text]
    assert len(named) > 20
    for text in named:
        assert told(text, [other]) != told(text, [ThresholdSet()])
        assert "{" not in told(text, [other])


def test_no_text_has_the_number_of_a_threshold_in_it() -> None:
    words = r"\b(3|10|90) s (and|or) more|\b300 ms|\b0\.[67]\b|1\.5 s|45 dBFS|by default|10 dB\b"
    texts = [text for each in columns.columns().values() for text in (each.formula, each.meaning or "")] + list(REASONS.values())
    assert [text for text in texts if re.search(words, text)] == []
