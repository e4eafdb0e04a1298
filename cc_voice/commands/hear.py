"""`cc-voice calls hear`: hear a part of a recorded call again, for digits, yes and no, or the phrases of a file.

Reads the recording, compressed or still being written, and changes nothing that is stored.
"""

from pathlib import Path

import click
import msgspec

from cc_voice.call.utterances import Word
from cc_voice.commands.terminal import language_tag, load_settings, print_json, print_table, reason, site_options
from cc_voice.config.phrase_lists import MOST_PHRASES, MOST_WORDS
from cc_voice.config.settings import Settings
from cc_voice.media.playback import CallAudio, call_audio
from cc_voice.media.recordings import RecordingError
from cc_voice.query import operations
from cc_voice.sessions.phrase_windows import decode_window
from cc_voice.speech.errors import SpeechError
from cc_voice.speech.grammar import DIGITS, YES_NO, LeftOut, of_language
from cc_voice.speech.models import inventory
from cc_voice.speech.phrase_boosting import OnlyPhrases
from cc_voice.speech.voice_activity import detector
from cc_voice.speech.vosk import VoskFactory

_SETS = {"digits": DIGITS, "yes-no": YES_NO}


class DecodedPart(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints; times in ms of the call."""

    call_id: str
    channel_id: str
    model: str
    text: str
    words: tuple[Word, ...]
    left_out: tuple[LeftOut, ...]
    """Phrases of the file with words that the model does not know."""


@click.command("hear")
@site_options
@click.argument("call_id")
@click.option("--party", type=click.Choice(["agent", "customer", "supervisor", "ivr"]), help="Whom to hear.")
@click.option("--channel", "channel_id", metavar="ID", help="Which channel, instead of a party: calls in progress, meetings.")
@click.option("--from-ms", type=click.IntRange(0), default=0, show_default=True, help="Begin of the window, ms of the call.")
@click.option("--to-ms", type=click.IntRange(1), help="End of the window, ms of the call.  [default: the end]")
@click.option("--only", required=True, metavar="digits|yes-no|FILE", help="What to hear; a file has a phrase on each line.")
@click.option("--language", metavar="TAG", callback=language_tag, help="Language spoken (BCP-47).  [default: the call's]")
@click.option("--model", metavar="NAME", help="Which installed model.  [default: the one that serves the language]")
@click.option("--allow-test-model", is_flag=True, default=None, help="Let the tiny bundled model hear it (tests, demos).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def hear(
    call_id: str,
    config: Path | None,
    data_dir: Path | None,
    party: str | None,
    channel_id: str | None,
    from_ms: int,
    to_ms: int | None,
    only: str,
    language: str | None,
    model: str | None,
    allow_test_model: bool | None,
    as_json: bool,
) -> None:
    """Hear a part of a recorded call again, for nothing but digits, yes and no, or the phrases of a file.

    What is stored stays as it is. The model must be one that takes grammars: `cc-voice models list` says which do.
    """
    settings = load_settings(config, data_dir, allow_test_model=allow_test_model)
    if (party is None) == (channel_id is None):
        raise click.UsageError("say whom to hear: either --party or --channel")
    try:
        audio = _audio(settings, call_id)
        channel, spoken = (channel_id, _language(settings, call_id)) if channel_id else _channel(settings, call_id, party or "")
        tag = language or spoken or settings.language.default
        factory = OnlyPhrases(_factory(settings, tag, model), _phrases(only, tag))
        end_ms = to_ms if to_ms is not None else audio.length * 1000 // audio.sample_rate_hz
        if end_ms <= from_ms:
            raise click.ClickException(f"the window is empty: it ends at {end_ms} ms, and --from-ms is {from_ms}")
        words = decode_window(audio, channel, from_ms, end_ms, factory, detector.detectors(settings.vad))
    except (SpeechError, RecordingError, operations.QuestionError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(reason(error)) from error
    text = " ".join(word.word for word in words)
    # Of a set a model has what it has: nobody need hear each time that it knows no "double"
    left_out = () if only in _SETS else factory.left_out
    heard = DecodedPart(call_id=call_id, channel_id=channel, model=factory.model_name, text=text, words=words, left_out=left_out)
    if as_json:
        print_json(heard)
    else:
        _print(heard)


def _audio(settings: Settings, call_id: str) -> CallAudio:
    # Never a path of somebody's making
    if Path(call_id).name != call_id:
        raise click.ClickException(f"{call_id!r} is no call id; `cc-voice calls list` shows them")
    audio = call_audio(settings.recordings_dir, call_id)
    if audio is None or not audio.length:
        raise click.ClickException(
            f"there is no recording of call {call_id!r} in {settings.recordings_dir}; was it deleted, or is the id another?"
        )
    return audio


def _channel(settings: Settings, call_id: str, party: str) -> tuple[str, str | None]:
    """Return the channel of a party, and the call's language. Raises QuestionError."""
    stored = operations.ask(settings, "calls.show", call_id=call_id)
    channels: dict[str, str | None] = stored["channels"]
    mine = [channel for channel, who in channels.items() if who == party]
    if len(mine) == 1:
        return mine[0], stored["call"]["language"]
    known = ", ".join(f"{channel} ({who or 'mixed'})" for channel, who in channels.items()) or "none"
    how_many = "several channels have" if mine else "no channel has"
    raise click.ClickException(f"{how_many} the party {party} in call {call_id}; choose with --channel ID: {known}")


def _language(settings: Settings, call_id: str) -> str | None:
    """Return the call's language; None where it is not stored yet: the recording is all that is needed."""
    try:
        stored = operations.ask(settings, "calls.show", call_id=call_id)
    except operations.QuestionError:
        return None
    language: str = stored["call"]["language"]
    return language


def _factory(settings: Settings, language: str, name: str | None) -> VoskFactory:
    here = inventory.survey(settings.installed_models_dir).models
    usable = inventory.ranked(here, language, allow_test_model=settings.allow_test_model, prefer=settings.prefer_models)
    if name is not None:
        usable = [one for one in here if one.name == name]
        if not usable:
            raise click.ClickException(f"the model {name} is not installed; here are: {', '.join(one.name for one in here)}")
    if not usable:
        raise click.ClickException(f"no installed model serves {language}; fetch one with `cc-voice models fetch`")
    # Of a language's models the best may be one that cannot be confined, and a smaller one can
    chosen = next((one for one in usable if one.takes_grammars), None)
    if chosen is None:
        name = usable[0].name
        raise click.ClickException(f"the model {name} cannot be confined to phrases; `cc-voice models list` says which can")
    return VoskFactory(chosen)


def _phrases(only: str, language: str) -> tuple[str, ...]:
    if only not in _SETS:
        return _of_file(Path(only))
    words = of_language(_SETS[only], language)
    if not words:
        known = ", ".join(_SETS[only])
        raise click.ClickException(f"which words are {only} in {language} is not known here, only in {known}; give a file of them")
    return words


def _of_file(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path} is not UTF-8 text; write one phrase on each line") from error
    phrases = tuple(text for line in lines if (text := line.strip()) and not text.startswith("#"))
    if not phrases or len(phrases) > MOST_PHRASES or any(len(phrase.split()) > MOST_WORDS for phrase in phrases):
        raise click.ClickException(f"{path} must hold 1 to {MOST_PHRASES} phrases of at most {MOST_WORDS} words, one on each line")
    return phrases


def _print(heard: DecodedPart) -> None:
    for one in heard.left_out:
        click.echo(f"{heard.model} does not know {one}", err=True)
    click.echo(heard.text or "nothing of that was heard")
    rows = [[word.word, _seconds(word.start_ms), _seconds(word.end_ms), f"{word.conf or 0:.2f}"] for word in heard.words]
    if rows:
        print_table(["word", "from s", "to s", "confidence"], rows)


def _seconds(ms: int | None) -> str:
    return f"{(ms or 0) / 1000:.2f}"
