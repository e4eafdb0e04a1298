"""Redaction policy: pci unless something else is written, queues that add up, and one that writes off."""

import pytest

from cc_voice.config import policies, settings
from cc_voice.config.policies import PolicyError
from cc_voice.config.redaction_settings import QueueRedaction, RedactionSettings
from cc_voice.config.settings import Settings, SettingsError
from cc_voice.quality.redaction.redaction_policy import OFF, RedactionPolicy, policy_of, strictest

SITE = RedactionSettings(
    queues=(
        QueueRedaction(queues=("Billing", "b-1"), policy=("pii",)),
        QueueRedaction(queues=("Claims",), policy=("ssn",), keep_after=("imei",)),
        QueueRedaction(queues=("Training",), policy=("off",)),
    )
)


def test_pci_is_on_where_nothing_is_written() -> None:
    policy = policy_of(Settings().redaction, [])
    assert policy.classes == ("pci",)
    assert policy.is_on
    assert not OFF.is_on
    assert not RedactionPolicy(classes=("off",)).is_on


def test_queues_add_to_the_site_and_to_each_other() -> None:
    assert policy_of(SITE, ["Sales"]).classes == ("pci",)
    assert set(policy_of(SITE, ["b-1"]).classes) == {"pci", "pii"}
    assert set(policy_of(SITE, ["Billing", "Claims"]).classes) == {"pci", "pii", "ssn"}
    assert policy_of(SITE, ["Claims"]).keep_after == ("imei",)
    assert set(strictest(SITE).classes) == {"pci", "pii", "ssn"}
    assert strictest(SITE).keep_after == ()


def test_off_takes_away_from_its_own_queue_alone() -> None:
    assert not policy_of(SITE, ["Training"]).is_on
    assert not policy_of(SITE, [("t-1", "Training")]).is_on
    assert not policy_of(SITE, ["t-1", "Training"]).is_on
    assert set(policy_of(SITE, ["Training", "Claims"]).classes) == {"pci", "ssn"}
    assert set(policy_of(SITE, [("t-1", "Training"), ("s-1", "Sales")]).classes) == {"pci"}


def test_more_includes_less() -> None:
    assert RedactionPolicy(classes=("pii",)).hides("pci")
    assert RedactionPolicy(classes=("aggressive",)).hides("numbers")
    assert not RedactionPolicy(classes=("ssn",)).hides("pci")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[redaction]\npolicy = []", "off"),
        ('[redaction]\npolicy = ["off", "pci"]', "alone"),
        ('[redaction]\npolicy = ["cards"]', "policy"),
        ("[redaction]\nany_run = 16", "13 to 19"),
        ("[[redaction.queues]]\nqueues = []\npolicy = ['pii']", "names no queue"),
        ("[[redaction.queues]]\nqueues = ['a']", "says nothing"),
        ("[[redaction.queues]]\nqueues = ['a']\npolicy = ['off', 'pii']", "alone"),
        ('[redaction]\nkeep_after = [" "]', "empty word"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PolicyError, match=message):
        policies.read("redaction", text)
    path = tmp_path / "cc-voice.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        settings.load(path, {})


def test_a_policy_comes_back_from_its_own_text() -> None:
    full = Settings(redaction=RedactionSettings(policy=("pci", "ssn"), audio="tone", keep_after=("imei",), queues=SITE.queues))
    assert policies.read("redaction", policies.example("redaction", full)) == full.redaction
    assert policies.read("redaction", policies.example("redaction", Settings())) == RedactionSettings()
