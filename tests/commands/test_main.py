"""The commands as a user types them: help everywhere, lazy imports, errors that say what to do, same answers as files."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from cc_voice.call.batch import MediaRefusal, Oddity, StageReached, StreamNotes, StreamProgress
from cc_voice.commands.main import main
from cc_voice.media import recordings
from cc_voice.media.recordings import StreamHeader
from cc_voice.query.datasets import DATASETS
from cc_voice.store import batches, streams
from cc_voice.store.database import Database
from tests.call.golden import T0
from tests.conftest import PATIENCE_S
from tests.fleet.rest import Planned, Rest, serving
from tests.store.conftest import SITE, announce, golden

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `cc-voice COMMAND … --data-dir <temporary>` in this process."""
    (tmp_path / "data").mkdir(exist_ok=True)

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--data-dir", str(tmp_path / "data")])

    return command


@pytest.fixture
def golden_site(tmp_path: Path) -> None:
    """The golden call in the data folder that `run` uses."""
    database = Database.open(tmp_path / "data" / "cc_voice.duckdb")
    database.write_now(lambda con: batches.write_batch(con, golden(), SITE))
    database.close()


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        found, _ = group.resolve_command(context, [name])[1:3]
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))


@pytest.mark.parametrize("path", [(), *commands(main)], ids=" ".join)
def test_every_command_and_option_explains_itself(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.resolve_command(click.Context(command), [name])[1] or command
    assert command.help
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_help_loads_neither_database_nor_recogniser() -> None:
    code = """
import sys
from cc_voice.commands.main import main
try:
    main(["--help"])
except SystemExit:
    print([name for name in ("duckdb", "vosk", "polars", "litestar", "numpy") if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stderr.strip() == "[]"


def test_python_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cc_voice", "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert "0.1.0" in done.stdout


# -- streams ---------------------------------------------------------------------------------------------------------


def test_streams_are_listed_with_what_was_odd(run: Run, tmp_path: Path) -> None:
    database = Database.open(tmp_path / "data" / "cc_voice.duckdb")
    for stream_id in ("s1", "s2"):
        announce(database, stream_id, f"call-{stream_id}")
        database.write_now(lambda con, stream_id=stream_id: streams.take(con, stream_id))
    told = (
        StreamProgress(call_id="call-s1", stream_id="s1", epoch=1, product="phone", media_ms=9000, recognised_ms=6500),
        StreamNotes(
            call_id="call-s1",
            stream_id="s1",
            epoch=1,
            oddities=(Oddity("unknown message 31", 12), Oddity("garbage", 1)),
            refused=(MediaRefusal(media="transcript", error="the app has no scope"),),
        ),
        StageReached(call_id="call-s2", stream_id="s2", epoch=1, stage="failed", reason="Zoom sends audio in RTP packets"),
    )
    for batch in told:
        database.write_now(lambda con, batch=batch: batches.write_batch(con, batch, SITE))
    database.close()
    lines = {line.split()[0]: line for line in run("streams").stdout.splitlines() if line.strip()}
    for shown in ("received", "2.5", "transcript: the app has no scope", "unknown message 31: 12, garbage: 1"):
        assert shown in lines["s1"]
    for shown in ("failed", "Zoom sends audio in RTP packets"):
        assert shown in lines["s2"]
    found = {stream["stream_id"]: stream for stream in json.loads(run("streams", "--json").stdout)}
    assert json.loads(found["s1"]["notes"]) == {"unknown message 31": 12, "garbage": 1}
    assert json.loads(found["s1"]["refused"]) == [{"media": "transcript", "error": "the app has no scope"}]
    assert (found["s2"]["notes"], found["s2"]["refused"]) == (None, None)


def test_the_list_of_calls_tells_of_calls_that_are_not_in_it(run: Run, tmp_path: Path) -> None:
    database = Database.open(tmp_path / "data" / "cc_voice.duckdb")
    announce(database, "s1", "call-s1", int(time.time() * 1000) - 60_000)
    database.write_now(lambda con: streams.take(con, "s1"))
    failed = StageReached(call_id="call-s1", stream_id="s1", epoch=1, stage="failed", reason="no media")
    database.write_now(lambda con: batches.write_batch(con, failed, SITE))
    database.close()
    for options in ((), ("--json",)):
        listed = run("calls", "list", *options)
        assert "not analysed in the last days: 1; `cc-voice streams` says why" in listed.stderr
        assert "analysed" not in listed.stdout


# -- streams by REST -------------------------------------------------------------------------------------------------


@pytest.fixture
def rest() -> Iterator[Rest]:
    with serving() as played:
        yield played


@pytest.fixture
def control(rest: Rest, tmp_path: Path, run: Run) -> Run:
    """Run `cc-voice rtms …` with two apps that are controlled at `rest`."""
    apps = [msgspec.to_builtins(rest.app(name=name, client_id=name), enc_hook=str) for name in ("phones", "meetings")]
    config = tmp_path / "site.json"
    config.write_bytes(msgspec.json.encode({"allow_insecure_links": True, "apps": apps}))
    return lambda *arguments: run("rtms", *arguments, "--config", str(config))


@pytest.mark.parametrize("action", ["start", "stop", "pause", "resume"])
def test_a_stream_is_controlled(control: Run, rest: Rest, action: str) -> None:
    result = control(action, "--product", "contact_center", "--id", "E1", "--app", "phones")
    assert (result.exit_code, result.output.split(";")[0]) == (0, "accepted")
    [request] = rest.commands
    assert (request.method, request.target) == ("PUT", "/v2/contact_center/E1/rtms_app/status")
    assert json.loads(request.body) == {"action": action, "settings": {"client_id": "phones"}}


def test_a_participant_may_be_named(control: Run, rest: Rest) -> None:
    arguments = ("start", "--product", "meeting", "--id", "987 6543 2101", "--app", "meetings", "--user", "u1")
    assert control(*arguments).exit_code == 0
    assert json.loads(rest.commands[0].body)["settings"] == {"client_id": "meetings", "participant_user_id": "u1"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--product", "contact_center", "--id", "E1"), "--app NAME; configured are: phones, meetings"),
        (("--product", "contact_center", "--id", "E1", "--app", "other"), "configured are: phones, meetings"),
        (("--product", "meeting", "--id", "uuid==", "--app", "phones"), "by its number"),
        (("--product", "video_sdk", "--id", "s==", "--app", "phones"), "needs api_key and api_secret"),
        (("--product", "phone", "--id", "7", "--app", "phones", "--user", "u"), "meetings and webinars only"),
    ],
)
def test_a_command_that_cannot_be_is_explained(control: Run, rest: Rest, arguments: tuple[str, ...], says: str) -> None:
    result = control("start", *arguments)
    assert (result.exit_code, rest.commands) == (1, [])
    assert says in result.output
    assert "Traceback" not in result.output


def test_without_apps_the_configuration_is_pointed_to(run: Run) -> None:
    result = run("rtms", "stop", "--product", "phone", "--id", "7")
    assert result.exit_code == 1
    assert "[[apps]]" in result.output


def test_a_refusal_is_told_in_our_words_and_zooms(control: Run, rest: Rest) -> None:
    rest.answers.append(Planned(400, b'{"code":2308,"message":"Only the host may."}'))
    result = control("start", "--product", "meeting", "--id", "1", "--app", "meetings")
    assert result.exit_code == 1
    assert "not host or alternative host" in result.output
    assert "(Only the host may.)" in result.output
    assert "client-secret" not in result.output


# -- asking ----------------------------------------------------------------------------------------------------------


def test_an_empty_site_answers(run: Run) -> None:
    assert run("calls", "list").exit_code == 0
    assert json.loads(run("calls", "list", "--json").output) == []
    assert run("report", "agent-talk").exit_code == 0
    listing = run("report").output
    assert listing.count("?") >= 8


@pytest.mark.parametrize("command", [("calls", "list"), ("calls", "show", "golden"), ("report", "days"), ("export",)])
def test_a_folder_that_is_not_there_is_no_quiet_site(tmp_path: Path, command: tuple[str, ...]) -> None:
    mistyped = tmp_path / "dtaa"
    result = CliRunner().invoke(main, [*command, "--data-dir", str(mistyped)])
    assert result.exit_code == 1
    assert f"there is no folder {mistyped}; name the site's with --data-dir or --config" in result.output
    assert not mistyped.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("calls", "show", "nosuchcall"), "calls list"),
        (("report", "agent-tolk"), "agent-talk"),
        (("report", "agent-talk", "-p", "sinc=2026-01-01"), "since"),
        (("report", "agent-talk", "-p", "since=yesterday"), "date"),
        (("report", "agent-talk", "-p", "since"), "KEY=VALUE"),
    ],
)
def test_a_wrong_question_says_what_to_ask_instead(run: Run, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("golden_site")
def test_a_call_is_listed_and_shown(run: Run) -> None:
    [line] = json.loads(run("calls", "list", "--json").output)
    assert line["call_id"] == "golden"
    shown = json.loads(run("calls", "show", "golden", "--json").output)
    assert shown["legs"][0]["metrics"]["talk_ms_agent"] == 25_300
    text = run("calls", "show", "golden").output
    assert [line for line in text.splitlines() if line.rstrip().endswith("–")] == [], "every dash has its reason"
    assert "Wrap-up time has not been imported" in text
    first = text.splitlines()[:10]
    assert [line.split()[0] for line in first] == [
        "call", "who", "talk", "waits", "overtalk", "pace", "words", "sound", "missing", "measured"
    ]  # fmt: skip
    assert "(UTC)" in first[0]
    assert first[2].startswith("talk      agent ")
    assert "okay" in text


@pytest.mark.usefixtures("golden_site")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_report_comes_in_three_forms(run: Run, form: str) -> None:
    result = run("report", "agent-talk", "-p", "since=2026-09-01", "-p", "until=2026-10-01", "--format", form)
    assert result.exit_code == 0, result.output
    assert "ana" in result.output
    if form == "table":
        lines = result.output.splitlines()
        assert lines[:2] == ["Who talks how much, and how fast?", "2026-09-01 to 2026-10-01, time of UTC"]
        header = next(number for number, line in enumerate(lines) if line.startswith("agent_name"))
        assert lines[header + 1].split()[:2] == ["days", "count"], "units stand below the names"
    if form == "json":
        assert len(json.loads(result.output)) == 1
    if form == "csv":
        assert len(result.output.strip().splitlines()) == 2


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.usefixtures("golden_site")
def test_a_select_comes_in_three_forms(run: Run, form: str) -> None:
    result = run("sql", "select agent_name, '=1+1' as formula, 1.25 as n, null as nothing, 'x' as n from v_leg", "--format", form)
    assert result.exit_code == 0, result.output
    if form == "json":
        assert json.loads(result.output)["rows"] == [["ana", "=1+1", 1.25, None, "x"]]
    elif form == "csv":
        assert result.output.split() == ["agent_name,formula,n,nothing,n_2", "ana,'=1+1,1.25,,x"]
    else:
        assert "ana" in result.output


@pytest.mark.usefixtures("golden_site")
def test_an_answer_that_was_cut_says_so(run: Run) -> None:
    result = run("sql", "from range(20000)", "--format", "csv")
    assert len(result.stdout.splitlines()) == 1 + 10_000
    assert result.stderr == "cut after 10000 rows: an answer has no more rows\n"


@pytest.mark.usefixtures("golden_site")
def test_what_is_not_one_select_is_refused(run: Run) -> None:
    result = run("sql", "copy v_call to '/tmp/x.csv'")
    assert result.exit_code == 1
    assert "this is COPY; ask with one SELECT" in result.output


@pytest.mark.usefixtures("golden_site")
def test_an_export_is_where_it_says(run: Run, tmp_path: Path) -> None:
    result = run("export", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    for line in result.output.splitlines():
        assert Path(line.split("  ")[0]).is_file()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert {file["name"] for file in manifest["files"]} == {
        *(f"{name}.{form}" for name in DATASETS for form in ("csv", "parquet")),
        "data_dictionary.csv",
    }


# -- recordings of the past ------------------------------------------------------------------------------------------

GOOD_CALL = Path(__file__).parents[2] / "cc_voice" / "simulator" / "scenarios" / "good-call.flac"


TWO_PARTIES = ("--agent-channel", "0", "--customer-channel", "1")


def imported(run: Run, *arguments: str) -> dict[str, Any]:
    result = run("import", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = msgspec.json.decode(result.output)
    return found


def test_a_recording_is_measured_stored_and_found_again(run: Run) -> None:
    options = (str(GOOD_CALL), *TWO_PARTIES, "--allow-test-model", "--start", "2026-11-01T10:00:00")
    found = imported(run, *options)
    leg = found["legs"][0]
    assert leg["agent_only_ms"] + leg["customer_only_ms"] + leg["overtalk_ms"] + leg["silence_ms"] == leg["analysed_ms"]
    assert leg["analysed_ms"] == found["duration_ms"]
    speech_ms = {channel["party"]: channel["speech_ms"] for channel in found["channels"]}
    assert speech_ms == {"agent": leg["talk_ms_agent"], "customer": leg["talk_ms_customer"]}
    for channel in found["channels"]:
        assert channel["speech_ms"] == sum(end - start for start, end in channel["intervals"])
    assert {u["source"] for u in found["utterances"]} == {"local"}
    assert found["reasons"]["hold_ms"] == "no_events"
    assert found["reasons"]["greeting_latency_ms"] == "no_answer_time"
    assert {name for leg in found["legs"] for name in found["reasons"]} <= set(leg)
    assert all(leg[name] is None for name in found["reasons"])
    again = imported(run, *options)
    assert again["call_id"] == found["call_id"]
    [line] = json.loads(run("calls", "list", "--json").output)
    assert (line["call_id"], line["start_ts"][:16]) == (found["call_id"], "2026-11-01T10:00")


def test_without_a_model_speech_is_measured_and_words_say_why_not(run: Run) -> None:
    found = imported(run, str(GOOD_CALL), *TWO_PARTIES)
    assert found["utterances"] == []
    assert found["legs"][0]["talk_ms_agent"] > 10_000
    assert found["reasons"]["wpm_agent"] == "no_word_source"


def test_mono_has_no_two_party_metrics(run: Run, tmp_path: Path) -> None:
    samples, rate = soundfile.read(GOOD_CALL, dtype="int16")
    mono = tmp_path / "mono.wav"
    soundfile.write(mono, samples.astype(np.int32).sum(axis=1).clip(-32768, 32767).astype(np.int16), rate)
    found = imported(run, str(mono), "--allow-test-model")
    assert found["reasons"]["talk_ms_agent"] == found["reasons"]["overtalk_ms"] == "mixed_audio"
    assert found["legs"][0]["talk_ms_any"] > 10_000
    [channel] = found["channels"]
    assert channel["party"] is None
    assert channel["speech_ms"] == found["legs"][0]["talk_ms_any"]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_any_common_encoding_measures_alike(run: Run, tmp_path: Path, subtype: str) -> None:
    samples, rate = soundfile.read(GOOD_CALL, dtype="float32")
    path = tmp_path / "call.wav"
    soundfile.write(path, samples[: 20 * rate], rate, subtype=subtype)
    plain = tmp_path / "plain.wav"
    soundfile.write(plain, samples[: 20 * rate], rate, subtype="PCM_16")
    talk = imported(run, str(path), *TWO_PARTIES)["legs"][0]["talk_ms_agent"]
    assert talk == pytest.approx(imported(run, str(plain), *TWO_PARTIES)["legs"][0]["talk_ms_agent"], rel=0.1)


def test_a_language_that_is_none_is_refused_before_anything_is_heard(run: Run) -> None:
    refused = run("import", str(GOOD_CALL), *TWO_PARTIES, "--language", "klingon")
    assert refused.exit_code == 2
    assert "'klingon' is no language tag" in refused.stderr


def test_a_start_with_a_zone_is_that_time(run: Run) -> None:
    found = imported(run, str(GOOD_CALL), *TWO_PARTIES, "--start", "2026-11-01T10:00:00+01:00")
    [line] = json.loads(run("calls", "list", "--json").output)
    assert (line["call_id"], line["start_ts"][:16]) == (found["call_id"], "2026-11-01T09:00")
    refused = run("import", str(GOOD_CALL), *TWO_PARTIES, "--start", "tomorrow")
    assert (refused.exit_code, "is no time; write" in refused.stderr) == (2, True)


def test_channels_put_right_name_the_call_to_delete(run: Run, tmp_path: Path) -> None:
    samples, rate = soundfile.read(GOOD_CALL, dtype="int16")
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    soundfile.write(tmp_path / "call.wav", samples[: 10 * rate], rate)
    (tmp_path / "call.wav").rename(path)
    first = json.loads(run("import", str(path), *TWO_PARTIES, "--json").stdout)["call_id"]
    second = run("import", str(path), "--agent-channel", "1", "--customer-channel", "0", "--json")
    assert f"cc-voice calls delete {first}" in second.stderr
    refused = CliRunner().invoke(main, ["calls", "delete", first, "--data-dir", str(tmp_path / "data")], input="n\n")
    assert refused.exit_code == 1
    assert run("calls", "delete", first, "--yes").stdout == f"{first}: deleted\n"
    [line] = json.loads(run("calls", "list", "--json").output)
    assert line["call_id"] == json.loads(second.stdout)["call_id"]


def test_a_language_of_another_spelling_is_the_same(run: Run) -> None:
    found = imported(run, str(GOOD_CALL), *TWO_PARTIES, "--language", "EN_us", "--allow-test-model")
    assert {said["language_code"] for said in found["utterances"]} == {"en-US"}


@pytest.mark.parametrize(
    ("name", "content", "arguments", "says"),
    [
        ("text.wav", b"no audio at all", (), "cannot be read as audio"),
        ("empty.wav", b"", (), ""),
        ("call.flac", None, ("--agent-channel", "0", "--customer-channel", "7"), "is not one of them"),
        ("call.flac", None, ("--agent-channel", "1", "--customer-channel", "1"), "cannot both be"),
        ("call.flac", None, (), "--agent-channel N --customer-channel M"),
    ],
)
def test_a_wrong_file_is_explained_and_nothing_is_stored(
    run: Run, tmp_path: Path, name: str, content: bytes | None, arguments: tuple[str, ...], says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(GOOD_CALL.read_bytes() if content is None else content)
    result = run("import", str(path), *arguments)
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output
    assert json.loads(run("calls", "list", "--json").output) == []


@pytest.mark.usefixtures("golden_site")
def test_reports_of_zoom_are_taken_and_told(run: Run, tmp_path: Path) -> None:
    engagements = tmp_path / "engagements.csv"
    engagements.write_text("engagement_id,waiting_duration,consumer_number\nE1,12,+49301\nE9,3,+49302\n")
    agents = tmp_path / "agents.csv"
    agents.write_text("user_id,team_name\nu1,Blue\n")
    result = run("enrich", str(engagements), str(agents))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"{engagements}: 2 rows of engagement; 1 measured calls have it now; left out: consumer_number",
        f"{agents}: 1 rows of agents",
    ]


@pytest.mark.usefixtures("golden_site")
def test_nothing_is_taken_where_one_file_is_wrong(run: Run, tmp_path: Path) -> None:
    good, wrong = tmp_path / "good.csv", tmp_path / "wrong.csv"
    good.write_text("engagement_id,waiting_duration\nE1,12\n")
    wrong.write_text("engagement_id,waiting_duration\nE1,soon\n")
    result = run("enrich", str(good), str(wrong))
    assert result.exit_code == 1
    assert "row 1: waiting_duration is 'soon'" in result.stderr
    database = Database.open(tmp_path / "data" / "cc_voice.duckdb")
    assert database.read_now(lambda con: con.execute("select count(*) from zoom_engagement").fetchall()) == [(0,)]
    database.close()


# -- a call as a file ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("golden_site")
def test_a_transcript_is_written(run: Run, tmp_path: Path) -> None:
    shown = run("calls", "export", "golden", "--as", "vtt")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("WEBVTT\n\n00:00:")
    written = run("calls", "export", "golden", "--as", "vtt", "--out", str(tmp_path / "golden.vtt"))
    assert written.output == f"{tmp_path / 'golden.vtt'}\n"
    assert (tmp_path / "golden.vtt").read_text() == shown.stdout
    refused = run("calls", "export", "golden", "--as", "txt", "--out", "/proc/nowhere/golden.txt")
    assert (refused.exit_code, "/proc/nowhere" in refused.output) == (1, True)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_the_audio_of_a_call_is_one_file_with_a_channel_per_party(run: Run, tmp_path: Path, form: str) -> None:
    options = ("--agent-channel", "0", "--customer-channel", "1", "--allow-test-model", "--json")
    imported = json.loads(run("import", str(GOOD_CALL), *options).stdout)
    out = tmp_path / f"call.{form}"
    result = run("calls", "export", imported["call_id"], "--as", form, "--out", str(out))
    assert result.exit_code == 0, result.output
    heard, rate_hz = soundfile.read(out, dtype="int16")
    assert heard.shape[1] == 2
    assert abs(len(heard) / rate_hz * 1000 - imported["duration_ms"]) < 100
    agent = next(channel for channel in imported["channels"] if channel["party"] == "agent")
    start_ms, end_ms = agent["intervals"][0]
    piece = heard[start_ms * rate_hz // 1000 : end_ms * rate_hz // 1000].astype(float)
    assert np.abs(piece[:, 0]).mean() > 10 * np.abs(piece[:, 1]).mean()


@pytest.mark.usefixtures("golden_site")
def test_the_audio_of_a_leg_is_that_leg(run: Run, tmp_path: Path) -> None:
    """The golden call with a ramp as its recording: a sample says where it stands."""
    legs = json.loads(run("calls", "show", "golden", "--json").stdout)["legs"]
    header = StreamHeader(
        call_id="golden",
        stream_id="s1",
        product="contact_center",
        instance_id="E1",
        language="en",
        sample_rate_hz=8_000,
        t0_unix_ms=T0,
    )
    recording = recordings.create(tmp_path / "data" / "recordings", header)
    ramp = (np.arange(120 * 8_000) // 80).astype("<i2")  # a step every 10 ms
    recording.channel("nobody").write(0, ramp.tobytes())
    recording.close()
    for leg in legs:
        out = tmp_path / f"{leg['leg_no']}.wav"
        result = run("calls", "export", "golden", "--as", "wav", "--leg", str(leg["leg_no"]), "--out", str(out))
        assert result.exit_code == 0, result.output
        heard, rate_hz = soundfile.read(out, dtype="int16")
        start_ms, end_ms = leg["metrics"]["start_ms"], leg["metrics"]["end_ms"]
        assert (heard[0, 0] * 10, len(heard) * 1000 // rate_hz) == (start_ms, min(end_ms, 120_000) - start_ms)
    assert legs[0]["metrics"]["start_ms"] > 0, "a leg that begins with the call proves nothing"
    refused = run("calls", "export", "golden", "--as", "wav", "--leg", "9")
    assert "and none is number 9" in refused.stderr


@pytest.mark.usefixtures("golden_site")
def test_audio_that_was_not_recorded_is_told(run: Run, tmp_path: Path) -> None:
    result = run("calls", "export", "golden", "--as", "wav", "--out", str(tmp_path / "x.wav"))
    assert result.exit_code == 1
    assert "nothing of call golden is recorded" in result.output
    assert not (tmp_path / "x.wav").exists()


@pytest.mark.usefixtures("golden_site")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_report_without_rows_says_why(run: Run, form: str) -> None:
    result = run("report", "agent-talk", "-p", "since=2026-01-01", "-p", "until=2026-01-31", "--format", form)
    assert result.exit_code == 0
    assert "no rows: no call from 2026-01-01 to 2026-01-31" in result.stderr


def test_the_help_of_a_report_explains_its_parameters(run: Run) -> None:
    told = " ".join(run("report", "sample", "--help").stdout.split())
    assert "Which calls should be evaluated next?" in told
    assert "per_agent=INTEGER legs per agent [default: 5]" in told
    assert "queue=TEXT only legs of the queue with this name [default: not set]" in told
    assert "phrase=TEXT words in the order" in " ".join(run("report", "-p", "x=y", "disclosure", "--help").stdout.split())
    assert "did you mean agent-talk" in run("report", "agent-tolk", "--help").output


def test_times_on_the_terminal_are_the_sites(run: Run, golden_site: object, monkeypatch: pytest.MonkeyPatch) -> None:
    [line] = json.loads(run("calls", "list", "--json").stdout)
    monkeypatch.setenv("CC_VOICE_TIMEZONE", "Asia/Tokyo")
    shown = run("calls", "list").stdout.splitlines()
    assert "Asia/Tokyo" in shown[1]
    tokyo = datetime.fromisoformat(line["start_ts"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{tokyo:%Y-%m-%d %H:%M:%S}" in shown[2]
