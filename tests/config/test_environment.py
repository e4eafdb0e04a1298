"""The environment: what sets nothing is refused, with the key that was meant."""

from pathlib import Path

import pytest

from cc_voice.config import settings
from cc_voice.config.settings import Settings, SettingsError

HIDDEN = "do-not-print-me"


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("CC_VOICE_WORKRS", "is no setting; did you mean CC_VOICE_WORKERS?"),
        ("CC_VOICE_LOGLEVEL", "is no setting; did you mean CC_VOICE_LOG_LEVEL?"),
        ("CC_VOICE_LANGUAGES", "is no setting; did you mean CC_VOICE_LANGUAGE?"),
        ("CC_VOICE_MIN_FREE", "is no setting; did you mean CC_VOICE_MIN_FREE_MB?"),
        ("CC_VOICE_WEBHOOK_SECRETS", "is no setting; did you mean CC_VOICE_WEBHOOK_SECRET?"),
        ("CC_VOICE_CONFG", "is no setting; did you mean CC_VOICE_CONFIG?"),
        ("cc_voice_data_dir", "is no setting; did you mean CC_VOICE_DATA_DIR?"),
        ("CCVOICE_DATA_DIR", "is no setting; did you mean CC_VOICE_DATA_DIR?"),
        ("CC-VOICE-DATA-DIR", "is no setting; did you mean CC_VOICE_DATA_DIR?"),
        ("CC_VOICE_MEDIA_CODEC", "sets nothing; [media] is written in the configuration file only"),
        ("CC_VOICE_THRESHOLDS", "sets nothing; [thresholds] is written in the configuration file only"),
        ("CC_VOICE_PORT", "is no setting; every key is in deploy/configuration.md"),
        ("CC_VOICE_TOKEN", "is no setting; every key is in deploy/configuration.md"),
    ],
)
def test_a_variable_that_sets_nothing_is_an_error_and_its_value_stays_hidden(variable: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load(environ={variable: HIDDEN})
    assert str(caught.value).startswith(f"environment: {variable} {told}")
    assert HIDDEN not in str(caught.value)


def test_addresses_that_a_cluster_gives_its_containers_are_nobodys_settings() -> None:
    given = {
        "CC_VOICE_SERVICE_HOST": "10.0.0.1",
        "CC_VOICE_SERVICE_PORT_HTTP": "8080",
        "CC_VOICE_PORT": "tcp://10.0.0.1:8080",
        "CC_VOICE_PORT_8080_TCP_ADDR": "10.0.0.1",
        "OTHER_CC_VOICE_WORKRS": "3",
    }
    assert settings.load(environ=given) == Settings()


def test_a_misspelt_key_of_the_file_is_told_with_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    for text, told in (("timezoen = 'UTC'", "timezone"), ("[media]\nkeep_shar = 'off'", "keep_share")):
        path.write_text(text)
        with pytest.raises(SettingsError, match=rf"; did you mean {told}\?$"):
            settings.load(path, environ={})
