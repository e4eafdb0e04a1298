"""Configuration: where a value comes from, what is refused and by which name, and that secrets stay hidden."""

import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from cc_voice.config import media_settings, settings
from cc_voice.config.languages import LanguageSettings, QueueLanguages
from cc_voice.config.media_settings import MediaSettings
from cc_voice.config.phrase_lists import PhraseList
from cc_voice.config.settings import Secret, Settings, SettingsError, TranscriptSettings, ZoomApp

HIDDEN = "do-not-print-me"
APP = f"""
[[apps]]
name = "contact-center"
client_id = "id"
client_secret = "{HIDDEN}"
webhook_secret = "{HIDDEN}"
"""
CREDENTIALS = {"CC_VOICE_CLIENT_ID": "id", "CC_VOICE_CLIENT_SECRET": HIDDEN, "CC_VOICE_WEBHOOK_SECRET": HIDDEN}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a configuration file and return its path."""

    def to_file(text: str) -> Path:
        path = tmp_path / "cc-voice.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


# ---- where a value comes from


def test_without_anything_the_defaults_hold() -> None:
    assert settings.load(environ={}) == Settings()


def test_a_later_source_wins(write: Callable[[str], Path]) -> None:
    path = write('site_name = "file"\ntimezone = "Europe/Berlin"\nlog_level = "error"\n')
    environ = {"CC_VOICE_SITE_NAME": "environment", "CC_VOICE_LOG_LEVEL": "debug"}
    found = settings.load(path, environ, {"log_level": "warning"})
    assert (found.timezone, found.site_name, found.log_level) == ("Europe/Berlin", "environment", "warning")


def test_an_override_of_none_is_no_override(write: Callable[[str], Path]) -> None:
    assert settings.load(write("workers = 3"), {}, {"workers": None, "data_dir": None}).workers == 3


def test_the_environment_names_the_file_and_an_argument_is_nearer(write: Callable[[str], Path], tmp_path: Path) -> None:
    named = write('site_name = "named"')
    other = tmp_path / "other.toml"
    other.write_text('site_name = "other"')
    environ = {"CC_VOICE_CONFIG": str(named)}
    assert settings.load(environ=environ).site_name == "named"
    assert settings.load(other, environ).site_name == "other"
    assert settings.load(environ={"CC_VOICE_CONFIG": ""}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("DATA_DIR", "/srv/voice", "data_dir", Path("/srv/voice")),
        ("WORKERS", "4", "workers", 4),
        ("ALLOW_TEST_MODEL", "true", "allow_test_model", True),
        ("ALLOW_INSECURE_LINKS", "0", "allow_insecure_links", False),
        ("ALLOWED_HOSTS", "zoom.us, example.com ,", "allowed_hosts", ("zoom.us", "example.com")),
        ("LANGUAGE", "de", "language", LanguageSettings(default="de")),
        ("CUSTOMER_KEY_SALT", HIDDEN, "customer_key_salt", Secret(HIDDEN)),
        ("MODELS_DIR", "models", "models_dir", Path("models")),
        ("RESTART_STREAMS", "on", "restart_streams", "on"),
        ("PREFER_MODELS", "small", "prefer_models", "small"),
        ("PROXY", f"http://user:{HIDDEN}@proxy:3128", "proxy", Secret(f"http://user:{HIDDEN}@proxy:3128")),
        ("MEETING_AGENT", "Ana Ruiz, host ,first", "meeting_agent", ("Ana Ruiz", "host", "first")),
    ],
)
def test_every_kind_of_key_can_be_an_environment_variable(variable: str, text: str, key: str, value: object) -> None:
    found = getattr(settings.load(environ={f"CC_VOICE_{variable}": text}), key)
    assert found == value
    assert type(found) is type(value)


def test_an_app_in_the_environment_replaces_those_of_the_file(write: Callable[[str], Path]) -> None:
    (app,) = settings.load(write(APP), CREDENTIALS).apps
    assert (app.name, app.client_id, app.client_secret) == ("environment", "id", HIDDEN)


def test_what_control_needs_of_an_app_may_be_in_the_environment_too() -> None:
    more = {"CC_VOICE_ACCOUNT_ID": "acct", "CC_VOICE_API_KEY": "key", "CC_VOICE_API_SECRET": HIDDEN}
    (app,) = settings.load(environ=CREDENTIALS | more).apps
    assert (app.account_id, app.api_key, app.api_secret, app.oauth_base) == ("acct", "key", HIDDEN, "https://zoom.us")
    with pytest.raises(SettingsError, match="missing: CC_VOICE_CLIENT_ID"):
        settings.load(environ=more)


def test_the_government_cloud_has_bases_of_its_own(write: Callable[[str], Path]) -> None:
    bases = 'api_base = "https://api.example.gov/v2"\noauth_base = "https://example.gov"\n'
    (app,) = settings.load(write(APP + bases), {}).apps
    assert (app.api_base, app.oauth_base) == ("https://api.example.gov/v2", "https://example.gov")


def test_bases_without_tls_are_for_tests_only(write: Callable[[str], Path]) -> None:
    base = 'api_base = "http://127.0.0.1:9900"\n'
    assert settings.load(write("allow_insecure_links = true\n" + APP + base), {}).apps[0].api_base == "http://127.0.0.1:9900"


def test_two_apps_keep_their_own_secrets(write: Callable[[str], Path]) -> None:
    second = APP.replace("contact-center", "meetings").replace(HIDDEN, "another")
    apps = settings.load(write(APP + second), {}).apps
    assert [(app.name, app.webhook_secret) for app in apps] == [("contact-center", HIDDEN), ("meetings", "another")]


def test_a_queue_has_languages_of_its_own(write: Callable[[str], Path]) -> None:
    queue = "[[language.queues]]\nqueue = 'Q1'\nlanguages = ['ES_mx', 'en']\ndefault = 'es-MX'"
    found = settings.load(write(f"[language]\nlanguages = ['EN_us', 'es']\n{queue}"), {}).language
    assert found.languages == ("en-US", "es")
    assert found.queues == (QueueLanguages(queue="Q1", languages=("es-MX", "en"), default="es-MX"),)


def test_a_language_is_spelt_as_everything_compares_it(write: Callable[[str], Path]) -> None:
    assert settings.load(write("[language]\ndefault = 'EN_us'"), {}).language.default == "en-US"
    assert settings.load(environ={"CC_VOICE_LANGUAGE": "pt-br"}).language.default == "pt-BR"


def test_structs_may_be_overrides() -> None:
    app = ZoomApp(client_id="id", client_secret=Secret("a"), webhook_secret=Secret("b"))
    found = settings.load(
        environ={}, overrides={"apps": (app,), "data_dir": Path("elsewhere"), "language": LanguageSettings(default="es")}
    )
    wanted = Settings(apps=(app,), data_dir=Path("elsewhere"), language=LanguageSettings(default="es"))
    assert found == msgspec.structs.replace(wanted, policies=(("language", "pinned"),))


# ---- what is refused, and by which name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timezoen = 'UTC'", "unknown setting 'timezoen'; known are data_dir"),
        ("[language]\ndefualt = 'de'", r"cc-voice\.toml: 'defualt' is no key of \[language\]"),
        (APP + "token = 'd'", r"toml: 'token' is no key of entry 1 of \[\[apps\]\]$"),
        (APP + "[[apps]]\nclient_id = 'a'\nclient_secret = 'b'", r"'webhook_secret' is missing from entry 2 of \[\[apps\]\]$"),
        (APP + "account_id = 7", r"account_id of entry 1 of \[\[apps\]\] must be text, not a whole number$"),
        (APP + "api_secret = [7]", r"api_secret of entry 1 of \[\[apps\]\] must be text, not a list$"),
        ("apps = 'none'", "apps must be a list, not text$"),
        ("[transcript]\nprefer = 'ours'", r"prefer of \[transcript\] must be 'local' or 'zoom' or 'best', not 'ours'$"),
        ("media = 3", "media must be a table, not a whole number$"),
        ("[media]\nchannels = 1.5", r"channels of \[media\] must be a whole number, not a number$"),
        (APP.replace(HIDDEN, "…", 1), "client_secret of app 'contact-center' is not filled in; Zoom's marketplace shows it"),
        (APP.replace('"id"', '"…"'), "client_id of app 'contact-center' is not filled in"),
        (
            APP.replace(f'webhook_secret = "{HIDDEN}"', 'webhook_secret = " "'),
            "webhook_secret of app 'contact-center' is not filled",
        ),
        (APP + "api_key = 'k'\napi_secret = ''", "api_secret of app 'contact-center' is not filled in"),
        (APP + "account_id = '…'", "account_id of app 'contact-center' is not filled in"),
        ("[[phrases]]\nlanguage = 'en'", r"'say' is missing from entry 1 of \[\[phrases\]\]$"),
        ("[[phrases]]\nsay = ['gold plan', ' ']", "phrases: `say` must hold phrases of 1 to 12 words"),
        ("[[phrases]]\nsay = []", "phrases: `say` must hold"),
        ("[[phrases]]\nlanguage = 'klingon!'\nsay = ['qapla']", "phrases: 'klingon!' is no language tag"),
        ("[[phrases]]\nsay = [" + "'plan', " * 501 + "]", "phrases: there are more than 500"),
        (APP + APP, "two apps have the same name"),
        ("workers = 'many'", r"^configuration .+/cc-voice\.toml: workers must be a whole number, not text$"),
        ("workers = -1", "workers is -1"),
        ("[language]\ndefault = 'klingon'", "language.default: 'klingon' is no language tag; write for example en"),
        ("[language]\nlanguages = ['en', 'klingon']", "language.languages: 'klingon' is no language tag"),
        ("[[language.queues]]\nqueue = 'a'\nlanguages = ['e']", "languages of queue 'a': 'e' is no language tag"),
        (
            "[[language.queues]]\nqueue = 3\nlanguages = ['en']",
            r"queue of entry 1 of \[\[language\.queues\]\] must be text, not a whole number$",
        ),
        ("[[language.queues]]\nlanguages = ['en']", r"'queue' is missing from entry 1 of \[\[language\.queues\]\]$"),
        (
            "[[exports]]\nname = 'a'\nto = 'b'\nformats = ['csv', 'xls']",
            r"formats of entry 1 of \[\[exports\]\] must be 'csv' or 'parquet', not 'xls'$",
        ),
        ("exports = [3]", "exports must be a table, not a whole number$"),
        ("timezone = 2026-01-01", "timezone must be text, not a date or time$"),
        ("vad = 3", "vad must be 'silero' or 'webrtc', not a whole number$"),
        ("[[language.queues]]\nqueue = 'a'\nlanguages = []", "queue 'a' of language.queues has no languages"),
        (
            "[[language.queues]]\nqueue = 'a'\nlanguages = ['en']\ndefault = 'es'",
            "the default of queue 'a' is es, which is none of its languages",
        ),
        (2 * "[[language.queues]]\nqueue = 'a'\nlanguages = ['en']\n", "two entries of language.queues name the same queue"),
        ("data_dir = 3", "data_dir must be text, not a whole number$"),
        ("allow_test_model = 'perhaps'", "allow_test_model must be true or false, not text$"),
        ("allowed_hosts = 'zoom.us'", "allowed_hosts must be a list, not text$"),
        ("recogniser = 'magic'", "recogniser is 'magic'; choose vosk or none"),
        ("vad = 'ears'", "vad must be 'silero' or 'webrtc', not 'ears'"),
        ("timezone = 'Mars/Olympus'", "timezone is 'Mars/Olympus'"),
        ("timezone = '../etc/passwd'", "timezone is"),
        ("listen = '8080'", "listen is '8080'; write HOST:PORT"),
        ("listen = ':8080'", "listen is"),
        ("listen = '127.0.0.1:70000'", "listen is"),
        ("log_level = 'loud'", "log_level is 'loud'; choose debug"),
        ("workers = ", "cannot be read"),
        ("restart_streams = 'perhaps'", "restart_streams must be 'off' or 'on', not 'perhaps'$"),
        ("prefer_models = 'huge'", "prefer_models must be 'large' or 'small', not 'huge'$"),
        ("meeting_agent = 'host'", "meeting_agent must be a list, not text$"),
        ("meeting_agent = [1]", "meeting_agent must be text, not a whole number$"),
        ("[media]\ncodec = 'mp3'", r"codec of \[media\] must be 'l16' or 'g711' or 'g722' or 'opus', not 'mp3'$"),
        ("[media]\nrtp = true", r"'rtp' is no key of \[media\]$"),
        ("[media]\nsample_rate_hz = 44100", "media.sample_rate_hz is 44100; Zoom sends l16 with 16000 or 8000 or 32000 or 48000"),
        ("[media]\ncodec = 'g711'\nsample_rate_hz = 16000", "Zoom sends g711 with 8000$"),
        ("[media]\ncodec = 'g711'\nchannels = 2", "media.channels is 2; Zoom sends g711 with 1$"),
        ("[media]\nsend_rate_ms = 30", "media.send_rate_ms is 30; Zoom sends l16 with a multiple of 20 up to 1000"),
        ("[media]\nkeep_share = 'yes'", r"keep_share of \[media\] must be 'off' or 'images' or 'video'"),
        ("proxy = 'proxy:3128'", "proxy is no URL"),
        ("proxy = 'http://'", "proxy is no URL"),
        (APP + "api_key = 'k'", "'contact-center' has one of api_key and api_secret"),
        (APP + "api_base = 'http://api.zoom.us/v2'", "api_base of app 'contact-center' does not begin with https://"),
        (APP + "api_base = 'https://'", "api_base of app 'contact-center' is 'https://', which is no URL"),
        (APP + "api_base = 'https://[::1'", "which is no URL"),
        (APP + "oauth_base = 'https://zoom.us:99999'", "which is no URL"),
        ("allow_insecure_links = true\n" + APP + "oauth_base = 'ftp://zoom.us'", "oauth_base of app 'contact-center'"),
    ],
)
def test_what_cannot_be_used_is_named(write: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.load(write(text), {})


def test_the_source_of_what_is_wrong_is_named(write: Callable[[str], Path]) -> None:
    path = write("workers = 2\nallow_test_model = 7")
    with pytest.raises(SettingsError, match=r"^environment: workers must be a whole number"):
        settings.load(path, {"CC_VOICE_WORKERS": "many"})
    with pytest.raises(SettingsError, match=r"^command line: workers must be a whole number"):
        settings.load(path, {"CC_VOICE_WORKERS": "3"}, {"workers": "many"})


@pytest.mark.parametrize("codec", ["g722", "opus"])
def test_a_codec_that_cannot_be_decoded_here_names_what_is_missing(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_settings.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="extra `codecs`"):
        settings.load(environ={}, overrides={"media": {"codec": codec}})


@pytest.mark.parametrize(("codec", "rate_hz"), [("l16", 16_000), ("g711", 8000)])
def test_a_codec_alone_says_enough(codec: str, rate_hz: int) -> None:
    assert settings.load(environ={}, overrides={"media": {"codec": codec}}).media.rate_hz == rate_hz


@pytest.mark.parametrize("content", [b"\xff\xfe", b"site_name = '\xe9'"])
def test_a_file_of_another_encoding_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"latin\.toml cannot be read"):
        settings.load(path, {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: No such file"):
        settings.load(tmp_path / "absent.toml", {})
    with pytest.raises(SettingsError, match="Is a directory"):
        settings.load(tmp_path, {})


@pytest.mark.parametrize("missing", CREDENTIALS)
def test_half_an_app_in_the_environment_names_the_other_half(missing: str) -> None:
    environ = {key: value for key, value in CREDENTIALS.items() if key != missing}
    with pytest.raises(SettingsError, match=f"missing: {missing}$"):
        settings.load(environ=environ)


@given(st.text())
def test_no_address_is_worse_than_refused(listen: str) -> None:
    try:
        found = settings.load(environ={}, overrides={"listen": listen})
    except SettingsError:
        return
    assert found.host
    assert 0 <= found.port <= 65535


# ---- secrets


def printed(value: object) -> Iterator[str]:
    """The ways in which a value is shown by accident."""
    yield repr(value)
    yield str([value])
    yield f"{value!r}"
    yield "%r" % (value,)  # noqa: UP031  # how logging formats


def test_settings_hide_their_secrets(write: Callable[[str], Path]) -> None:
    text = APP + f"api_key = 'key'\napi_secret = '{HIDDEN}'\n[language]\ndefault = 'en'\n"
    found = settings.load(write(text), {"CC_VOICE_CUSTOMER_KEY_SALT": HIDDEN, "CC_VOICE_PROXY": f"http://u:{HIDDEN}@proxy"})
    assert found.apps[0].client_secret == found.apps[0].api_secret == HIDDEN
    shown = [*printed(found), *printed(found.apps), *printed(found.apps[0].client_secret), str(found), str(found.apps[0])]
    assert not any(HIDDEN in text for text in shown)


@pytest.mark.parametrize(
    "text",
    [
        APP.replace(f'"{HIDDEN}"', "12345678", 1),
        APP.replace(f'"{HIDDEN}"', '["12345678"]', 1),
        APP.replace(f'"{HIDDEN}"', "2026-11-24", 1),
        APP.replace(f'"{HIDDEN}"', HIDDEN, 1),
        APP.replace(f'"{HIDDEN}"', f'"{HIDDEN}', 1),
        APP + f'client_secret = "{HIDDEN}"',
        APP + "colour = 'red'",
        f"customer_key_salt = '{HIDDEN}'\nworkers = 'many'",
        f"proxy = '{HIDDEN}:3128'",
        f"proxy = 'http://{HIDDEN}@proxy'\nworkers = 'many'",
        f"proxy = 'http://{HIDDEN}@[::1'",
        APP + f"api_secret = '{HIDDEN}'",
        APP + "api_key = 'k'\napi_secret = 12345678",
        APP + "[language]\ndefault = 3",
    ],
)
def test_no_message_or_traceback_of_ours_holds_a_secret(write: Callable[[str], Path], text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load(write(text), {})
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(secret in shown for secret in (HIDDEN, "12345678", "2026-11-24", "2026, 11"))


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], Callable[[], str]]]:
    """Configure the program's log at a level; the function returned reads what was written. Other tests get theirs back."""
    before = structlog.get_config()

    def start(level: str) -> Callable[[], str]:
        settings.configure_logging(level)
        return lambda: capsys.readouterr().err

    yield start
    structlog.configure(**before)


def test_the_log_hides_secrets_however_they_get_there(log: Callable[[str], Callable[[], str]]) -> None:
    written = log("info")
    app = ZoomApp(client_id="id", client_secret=Secret(HIDDEN), webhook_secret=Secret(HIDDEN))
    logger = structlog.get_logger()
    logger.info("plain", secret=app.client_secret)
    logger.info("within", app=app, settings=Settings(apps=(app,)))
    try:
        raise SettingsError("broken")
    except SettingsError:
        logger.exception("failed", app=app)
    text = written()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines] == ["plain", "within", "failed"]
    assert lines[0]["secret"] == "…"
    assert "SettingsError: broken" in lines[2]["exception"]
    assert HIDDEN not in text


@pytest.mark.parametrize(("level", "lines"), [("debug", 3), ("info", 2), ("WARNING", 1), ("error", 0)])
def test_the_log_keeps_to_its_level(log: Callable[[str], Callable[[], str]], level: str, lines: int) -> None:
    written = log(level)
    logger = structlog.get_logger()
    logger.debug("one")
    logger.info("two")
    logger.warning("three")
    assert len(written().splitlines()) == lines


# ---- to a worker and back

NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
CREDENTIAL = st.text("abcXYZ019-_.ß", min_size=1, max_size=12)
PLAIN_APPS = st.builds(
    ZoomApp,
    name=NAME,
    client_id=CREDENTIAL,
    client_secret=CREDENTIAL.map(Secret),
    webhook_secret=CREDENTIAL.map(Secret),
    account_id=st.none() | CREDENTIAL,
    api_base=st.sampled_from(["https://api.zoom.us/v2", "https://api.example.gov:8443/v2"]),
)
CONTROLLING_APPS = st.builds(
    lambda app, key: msgspec.structs.replace(app, api_key=key, api_secret=Secret(key)), PLAIN_APPS, CREDENTIAL
)
APPS = st.lists(PLAIN_APPS | CONTROLLING_APPS, max_size=3, unique_by=lambda app: app.name)
SETTINGS = st.builds(
    Settings,
    data_dir=NAME.map(Path),
    listen=st.integers(0, 65535).map("[::1]:{}".format),
    public_url=st.none() | NAME,
    site_name=NAME,
    site_id=st.integers(0, 2**31),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    apps=APPS.map(tuple),
    workers=st.integers(0, 64),
    recogniser=st.sampled_from(["vosk", "none"]),
    vad=st.sampled_from(["silero", "webrtc"]),
    models_dir=st.none() | NAME.map(Path),
    prefer_models=st.sampled_from(["large", "small"]),
    allow_test_model=st.booleans(),
    language=st.builds(LanguageSettings, default=st.sampled_from(["en", "pt-BR", "zh-Hant-TW"]), identify=st.booleans()),
    phrases=st.lists(st.builds(PhraseList, say=st.just(("gold plan",)), language=st.sampled_from([None, "es"]))).map(tuple),
    transcript=st.builds(TranscriptSettings, prefer=st.sampled_from(["local", "zoom", "best"])),
    media=st.builds(
        MediaSettings,
        sample_rate_hz=st.sampled_from([None, 8000, 48_000]),
        channels=st.sampled_from([1, 2]),
        send_rate_ms=st.integers(1, 50).map(lambda steps: steps * 20),
        mixed=st.booleans(),
        keep_chat=st.booleans(),
        keep_share=st.sampled_from(["off", "images", "video"]),
        keep_video=st.sampled_from(["off", "images", "video"]),
    ),
    allow_insecure_links=st.booleans(),
    allowed_hosts=st.lists(NAME, max_size=3).map(tuple),
    restart_streams=st.sampled_from(["off", "on"]),
    proxy=st.none() | st.integers(1, 65535).map("http://u:p@proxy:{}".format).map(Secret),
    meeting_agent=st.lists(NAME, max_size=3).map(tuple),
    customer_key_salt=NAME.map(Secret),
    cust_speech_on_hold=st.booleans(),
    log_level=st.sampled_from(["debug", "info", "error"]),
)


@given(SETTINGS)
def test_a_worker_reads_what_the_service_wrote(whole: Settings) -> None:
    read = settings.loads(settings.dumps(whole))
    assert read == whole
    assert repr(read) == repr(whole)
    assert all(type(app.client_secret) is Secret for app in read.apps)
    assert all(type(secret) is Secret for secret in (read.proxy, *(app.api_secret for app in read.apps)) if secret is not None)


@given(SETTINGS)
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_of_the_same_is_read_the_same(tmp_path: Path, whole: Settings) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(settings.dumps(whole))
    assert msgspec.structs.replace(settings.load(path, {}), policies=()) == whole


# ---- what follows from the values


def test_every_folder_lies_in_the_data_folder() -> None:
    found = Settings(data_dir=Path("/data"))
    places = [found.database_path, found.recordings_dir, found.spool_dir, found.exports_dir, found.owner_socket]
    places.append(found.installed_models_dir)
    assert len(set(places)) == 6
    assert all(place.parent == Path("/data") for place in places)
    assert Settings(models_dir=Path("/models")).installed_models_dir == Path("/models")


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:0", "::1", 0), ("voice.example.com:443", "voice.example.com", 443)],
)
def test_an_address_has_host_and_port(listen: str, host: str, port: int) -> None:
    found = settings.load(environ={}, overrides={"listen": listen})
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize("key", ["workers", "warm_memory_mb"])
def test_fewer_than_none_are_refused(key: str) -> None:
    assert getattr(settings.load(environ={f"CC_VOICE_{key.upper()}": "0"}), key) == 0
    with pytest.raises(SettingsError, match=f"{key} is -1"):
        settings.load(environ={f"CC_VOICE_{key.upper()}": "-1"})


def test_a_site_is_named_by_three_keys() -> None:
    site = Settings(site_id=7, site_name="North", timezone="Europe/Berlin").site
    assert (site.site_id, site.name, site.timezone) == (7, "North", "Europe/Berlin")
