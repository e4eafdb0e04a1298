"""Site settings: what a data folder remembers, who may overrule it, and that no secret is in it."""

import json
from pathlib import Path

import msgspec
import pytest

from cc_voice.config import policies, settings, site_settings
from cc_voice.config.settings import Secret, Settings, SettingsError, ZoomApp
from cc_voice.config.thresholds import QueueThresholds, ThresholdSet

HIDDEN = "do-not-print-me"
CONFIG = f"""
site_name = "Berlin"
timezone = "Europe/Berlin"
proxy = "http://user:{HIDDEN}@proxy:3128"
[[apps]]
name = "contact-center"
client_id = "id"
client_secret = "{HIDDEN}"
webhook_secret = "{HIDDEN}"
[[thresholds]]
name = "default"
dead_air_ms = 20000
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def folder(tmp_path: Path, config: Path) -> Path:
    """The data folder of a site that was served with the configuration."""
    data = tmp_path / "data"
    data.mkdir()
    served = settings.load(config, {}, {"data_dir": data})
    (data / site_settings.FILE).write_bytes(site_settings.dumps(served, config))
    return data


def test_a_command_without_a_configuration_takes_what_the_folder_remembers(folder: Path, config: Path) -> None:
    found = site_settings.load(environ={}, overrides={"data_dir": folder, "workers": None})
    assert found == policies.in_force(settings.load(config, {}, {"data_dir": folder}))


def test_a_configuration_the_environment_and_options_go_before_it(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('timezone = "Asia/Tokyo"')
    named = {"overrides": {"data_dir": folder}}
    assert site_settings.load(other, {}, **named).thresholds == ()
    assert site_settings.load(environ={"CC_VOICE_CONFIG": str(other)}, **named).timezone == "Asia/Tokyo"
    found = site_settings.load(environ={"CC_VOICE_SITE_NAME": "Rome"}, **named)
    assert (found.site_name, found.timezone) == ("Rome", "Europe/Berlin")
    assert site_settings.load(environ={}, overrides={"data_dir": folder, "timezone": "UTC"}).timezone == "UTC"


def test_no_secret_is_copied_into_the_folder(folder: Path, config: Path) -> None:
    text = (folder / site_settings.FILE).read_text()
    assert HIDDEN not in text
    assert json.loads(text)["config"] == str(config)
    config.unlink()  # as for somebody who may not read it
    found = site_settings.load(environ={}, overrides={"data_dir": folder})
    assert (found.apps, found.proxy, found.site_name) == ((), None, "Berlin")


def test_a_folder_that_moved_keeps_its_settings(folder: Path, tmp_path: Path) -> None:
    moved = folder.rename(tmp_path / "restored")
    found = site_settings.load(environ={"CC_VOICE_DATA_DIR": str(moved)})
    assert (found.data_dir, found.timezone) == (moved, "Europe/Berlin")


def test_every_setting_comes_back(tmp_path: Path) -> None:
    app = ZoomApp(client_id="id", client_secret=Secret("s"), webhook_secret=Secret("w"))
    full = Settings(data_dir=tmp_path, apps=(app,), models_dir=Path("models"), warm_memory_mb=7, phone_agent=("first",))
    (tmp_path / site_settings.FILE).write_bytes(site_settings.dumps(full, None))
    found = site_settings.load(environ={}, overrides={"data_dir": tmp_path})
    assert found == policies.in_force(msgspec.structs.replace(full, apps=(), models_dir=Path("models").absolute()))


def test_what_is_damaged_or_written_by_a_newer_version_is_told_or_passed_over(folder: Path) -> None:
    path = folder / site_settings.FILE
    newer = json.loads(path.read_text())
    newer["settings"]["invented_later"] = 1
    path.write_text(json.dumps(newer))
    assert site_settings.load(environ={}, overrides={"data_dir": folder}).timezone == "Europe/Berlin"
    path.write_bytes(b'{"version": "0.1.0", "conf')
    with pytest.raises(SettingsError, match=r"settings\.json, the site's settings, is damaged .* --config"):
        site_settings.load(environ={}, overrides={"data_dir": folder})


def test_the_service_goes_on_with_the_file_that_it_was_served_with(folder: Path, config: Path) -> None:
    assert site_settings.configuration(None, folder, {}) == config
    assert site_settings.configuration(Path("other.toml"), folder, {}) == Path("other.toml")
    config.unlink()
    with pytest.raises(SettingsError, match=r"was last served with .*site\.toml, which is not there"):
        site_settings.configuration(None, folder, {})


def of(**fields: object) -> Settings:
    return msgspec.structs.replace(Settings(), **fields)


def thresholds(name: str, *queues: str, **values: int) -> QueueThresholds:
    return QueueThresholds(name=name, queues=queues, **values)


@pytest.mark.parametrize(
    ("here", "site", "told"),
    [
        (of(), of(), []),
        (of(listen="127.0.0.1:1", workers=3), of(), []),
        (of(timezone="Asia/Tokyo"), of(), ['timezone is "Asia/Tokyo" here and "UTC" at the site']),
        (
            of(),
            of(thresholds=(thresholds("default", dead_air_ms=20_000),)),
            ["dead_air_ms of thresholds 'default' is 10000 here and 20000 at the site"],
        ),
        (of(thresholds=(thresholds("default"),)), of(), []),
        (of(thresholds=(thresholds("tried", dead_air_ms=1),)), of(), []),
        (
            of(thresholds=(thresholds("es", "Billing ES"),)),
            of(thresholds=(thresholds("es", "Billing ES", "Ventas"),)),
            ['queues of thresholds \'es\' are ["Billing ES"] here and ["Billing ES","Ventas"] at the site'],
        ),
        (of(), of(thresholds=(thresholds("es", "Ventas"),)), ["the set 'es' of [[thresholds]] is only at the site"]),
        (of(vad="webrtc"), of(), []),
    ],
)
def test_what_would_be_measured_otherwise_is_told(here: Settings, site: Settings, told: list[str]) -> None:
    assert site_settings.differences(here, site) == told


def test_what_would_be_heard_otherwise_is_told_where_recordings_are_heard_again() -> None:
    assert site_settings.differences(of(vad="webrtc"), of(), recognition=True) == ['vad is "webrtc" here and "silero" at the site']


def test_stored_legs_tell_where_no_settings_are_remembered() -> None:
    stored = (ThresholdSet(dead_air_ms=20_000, threshold_set_id=4, cust_speech_on_hold=True), ThresholdSet(name="es"))
    assert site_settings.other_thresholds(of(), stored) == [
        "dead_air_ms of thresholds 'default' is 10000 here and 20000 at the site",
        "the set 'es' of [[thresholds]] is not here",
    ]
    mine = of(thresholds=(thresholds("default", dead_air_ms=20_000), thresholds("es", "Ventas")))
    assert site_settings.other_thresholds(mine, stored) == []
