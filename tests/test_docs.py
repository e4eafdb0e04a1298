"""Documentation: what the documentation says is there: links, files, commands, settings, scenarios, tests."""

import ast
import importlib
import pkgutil
import re
import shlex
import tomllib
from collections.abc import Iterator
from itertools import pairwise, takewhile
from pathlib import Path
from typing import NamedTuple

import click
import pytest

import cc_voice
from cc_voice.commands.main import main
from cc_voice.config import settings
from cc_voice.config.settings import Settings
from cc_voice.simulator.scenario import scenario_names

TOP = Path(__file__).resolve().parent.parent
PACKAGE = TOP / "cc_voice"


def documents() -> list[Path]:
    """Every document of the project, not those of what is installed or left over beside it."""
    folders = [folder for folder in TOP.iterdir() if folder.is_dir() and folder.name[0] != "."]
    own = [folder for folder in folders if folder.name in ("analytics", "cc_voice", "deploy", "models", "tests")]
    return [*sorted(TOP.glob("*.md")), *sorted(path for folder in own for path in folder.rglob("*.md"))]


def name_of(path: Path) -> str:
    return path.relative_to(TOP).as_posix()


DOCUMENTS = documents()


def prose(document: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)


def code_spans(document: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(document))


# ---- links and files


def anchor(heading: str) -> str:
    """What a heading is called in a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def leads_nowhere(document: Path, target: str) -> bool:
    path, _, section = target.partition("#")
    file = document.parent / path if path else document
    if not file.exists():
        return True
    return bool(section) and section not in map(anchor, re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE))


def test_links_lead_to_files() -> None:
    links = [(document, target) for document in DOCUMENTS for target in re.findall(r"\]\(([^)\s]+)\)", prose(document))]
    own = [(document, target) for document, target in links if not re.match(r"[a-z]+:", target)]
    assert len(own) > 10
    assert [f"{name_of(document)} links to {target}" for document, target in own if leads_nowhere(document, target)] == []
    assert leads_nowhere(TOP / "README.md", "deploy/nowhere.md")
    assert leads_nowhere(TOP / "README.md", "#no-such-heading")


def test_documents_that_are_cited_exist() -> None:
    """In code as in documents: a clone alone has no dangling reference."""
    cited = re.compile(r"(?<![\w/.-])((?:[\w-]+/)*[\w-]+\.md)\b")
    folders = [TOP / name for name in ("analytics", "cc_voice", "deploy", "models", "tests")]
    kinds = (".py", ".md", ".sql", ".toml", ".html", ".js", ".css", ".sh", ".service")
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in kinds and path != Path(__file__)]
    named = [(path, name) for path in [*files, TOP / "Makefile", TOP / "README.md"] for name in cited.findall(path.read_text())]
    assert len(named) > 50
    lost = [(path, name) for path, name in named if not any((base / name).is_file() for base in (path.parent, PACKAGE, TOP))]
    assert [f"{name_of(path)} cites {name}" for path, name in lost] == []


def test_the_front_page_is_one() -> None:
    assert len((TOP / "README.md").read_text().splitlines()) <= 130
    assert (TOP / "deploy" / "screenshot.png").stat().st_size <= 200_000


def test_source_files_that_are_named_exist() -> None:
    """By the document's own folder, by the package's (as in "`store/inbox.py`"), or by the project's."""
    named = [(document, span) for document in DOCUMENTS for span in code_spans(document)]
    files = [(document, span) for document, span in named if re.fullmatch(r"[\w./-]+\.(py|sql|sh)", span)]
    assert len(files) > 100
    assert [
        f"{name_of(document)} names {span}"
        for document, span in files
        if not any((base / span).is_file() for base in (document.parent, PACKAGE, TOP))
    ] == []


def test_the_table_of_folders_is_complete() -> None:
    folders = re.findall(r"^\| `([\w/]+/)` \|", (TOP / "README.md").read_text(), re.MULTILINE)
    assert [folder for folder in folders if not (TOP / folder).is_dir()] == []
    packages = {f"cc_voice/{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert packages | {"analytics/", "models/", "tests/", "deploy/"} == set(folders)


def test_the_way_of_a_call_is_told_from_the_webhook_to_the_store() -> None:
    way = (TOP / "README.md").read_text().partition("A call's way through the tree:")[2].partition("\n\n")[0]
    modules = re.findall(r"`([\w/]+\.py)`", way)
    assert modules[0] == "web/webhooks.py"
    assert modules[-1] == "store/batches.py"
    assert len(modules) >= 8


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    named = {
        target: name_of(document)
        for document in DOCUMENTS
        for target in re.findall(r"(?:^\$ |`|&& )make (?:-C \S+ )?([a-z]+)", document.read_text(), re.MULTILINE)
    }
    assert {"demo", "test"} <= set(named)
    assert {target: document for target, document in named.items() if target not in targets} == {}


# ---- commands


class Shown(NamedTuple):
    """A command line somewhere in the documentation."""

    document: str
    words: tuple[str, ...]
    is_mention: bool
    """In running text, where what it needs may be left out."""


def shown_commands() -> Iterator[Shown]:
    for document in DOCUMENTS:
        lines = re.findall(r"^\s*[$#] (?:\S*/)?cc-voice (.+)$", document.read_text(), re.MULTILINE)
        mentions = [span.removeprefix("cc-voice ") for span in code_spans(document) if span.startswith("cc-voice ")]
        for line, is_mention in [*((line, False) for line in lines), *((span, True) for span in mentions)]:
            words = takewhile(lambda word: word not in ("&", "&&", "|", ">"), shlex.split(line, comments=True))
            yield Shown(name_of(document), tuple(words), is_mention)


COMMANDS = sorted(set(shown_commands()))


def parse(words: tuple[str, ...]) -> click.Context:
    """The context of the innermost command, all options checked and nothing run. Raises click.UsageError."""
    context = click.Context(main, info_name="cc-voice")
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group):
        if command.invoke_without_command and not (rest and rest[0] in command.list_commands(context)):
            break  # it does something by itself
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        if isinstance(command, click.Group):
            context = click.Context(command, parent=context)
    return command.make_context(command.name, rest, parent=context)


def misunderstood(shown: Shown) -> str | None:
    """What is wrong with a command that is shown; None when all is well."""
    try:
        _, command, _ = main.resolve_command(click.Context(main), list(shown.words[:1]))
        if not (shown.is_mention and len(shown.words) == 1 and isinstance(command, click.Group)):
            parse(shown.words)
    except click.ClickException as error:
        if shown.is_mention and isinstance(error, click.MissingParameter):
            return None
        return f"{shown.document}: {' '.join(shown.words)}: {error.format_message()}"
    return None


def test_a_command_that_is_shown_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for word in {word for shown in COMMANDS for word in shown.words}:
        if re.fullmatch(r"[\w-]+\.(wav|flac|toml|csv|json)", word):
            (tmp_path / word).touch()
    assert [fault for shown in COMMANDS if (fault := misunderstood(shown))] == []


def test_commands_are_shown_and_wrong_ones_would_be_found() -> None:
    assert {shown.words[0] for shown in COMMANDS} >= {"import", "serve", "calls", "report", "export", "simulate"}
    for wrong in (("serve", "--bogus"), ("calls", "delete"), ("export", "--format", "xls"), ("listen",)):
        with pytest.raises(click.UsageError):
            parse(wrong)


def test_reports_that_are_shown_exist_with_their_parameters() -> None:
    for _, words, _ in COMMANDS:
        if words[0] == "report" and len(words) > 1:
            source = (TOP / "analytics" / "reports" / f"{words[1]}.sql").read_text()
            for before, word in pairwise(words):
                if before in ("--param", "-p"):
                    assert re.search(rf"^-- param {word.partition('=')[0]}\b", source, re.MULTILINE)


def test_what_the_log_is_said_to_say_is_what_it_says() -> None:
    """Texts that an administrator will look for: every quoted part of several words stands in the code."""
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    quoted = {part.strip() for span in code_spans(TOP / "deploy" / "zoom-setup.md") for part in re.split(r"…|\d+ \(\w+\)", span)}
    texts = {text for text in quoted if re.fullmatch(r"[A-Za-z][a-z]* [\w ',_:]+", text) and not text.startswith("cc-voice")}
    assert len(texts) > 6
    assert [text for text in sorted(texts) if text not in source] == []


# ---- settings


def test_the_example_configuration_is_one(tmp_path: Path) -> None:
    path = TOP / "deploy" / "cc-voice.example.toml"
    written = tomllib.loads(path.read_text())
    assert set(written) <= set(Settings.__struct_fields__)
    filled_in = tmp_path / path.name
    filled_in.write_text(path.read_text().replace("…", "something"))
    loaded = settings.load(filled_in, {})
    assert [app.name for app in loaded.apps] == [app["name"] for app in written["apps"]]


def test_the_example_configuration_does_not_serve_as_it_is() -> None:
    with pytest.raises(settings.SettingsError, match="client_id of app 'contact-center' is not filled in"):
        settings.load(TOP / "deploy" / "cc-voice.example.toml", {})


def test_environment_variables_that_are_named_are_read() -> None:
    known = {f"CC_VOICE_{key.upper()}" for key in Settings.__struct_fields__}
    known |= {f"CC_VOICE_{key}" for key in ("CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_SECRET", "CONFIG", "CORPUS")}
    named = {name: name_of(document) for document in DOCUMENTS for name in re.findall(r"CC_VOICE_[A-Z_]+", document.read_text())}
    assert len(named) >= 5
    assert {name: document for name, document in named.items() if name not in known} == {}


# ---- packages, scenarios, tests


PACKAGES = ["cc_voice", *(f"cc_voice.{found.name}" for found in pkgutil.iter_modules(cc_voice.__path__) if found.ispkg)]


def test_a_package_says_what_it_is() -> None:
    docs = {package: importlib.import_module(package).__doc__ or "" for package in PACKAGES}
    assert [package for package, doc in docs.items() if not doc or "placeholder" in doc.lower()] == []
    pointing = [TOP / package.replace(".", "/") / "README.md" for package, doc in docs.items() if "README.md" in doc]
    assert [name_of(document) for document in pointing if not document.is_file()] == []


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def test_a_module_says_what_it_is() -> None:
    first_lines = {module: (ast.get_docstring(ast.parse(module.read_text())) or "").partition("\n")[0] for module in modules()}
    assert len(first_lines) > 200
    assert [name_of(module) for module, line in first_lines.items() if len(line) <= 15] == []


def test_every_scenario_is_described() -> None:
    folder = PACKAGE / "simulator" / "scenarios"
    described = re.findall(r"^\| ([a-z-]+) \| (?!what )", (folder / "README.md").read_text(), re.MULTILINE)
    assert sorted(described) == sorted(scenario_names())
    assert sorted(described) == sorted(path.stem for path in folder.glob("*.toml"))


def test_the_list_of_failures_names_tests_that_exist() -> None:
    listed = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", (TOP / "tests" / "README.md").read_text())
    assert len([test for _, test in listed if test]) > 30
    for file, test in listed:
        assert (TOP / file).exists(), file
        if test:
            defined = {node.name for node in ast.walk(ast.parse((TOP / file).read_text())) if hasattr(node, "name")}
            assert test in defined, f"{file}::{test}"


def test_every_folder_of_tests_is_in_the_list() -> None:
    text = (TOP / "tests" / "README.md").read_text()
    folders = {f"tests/{path.relative_to(TOP / 'tests').parts[0]}" for path in (TOP / "tests").rglob("*/test_*.py")}
    assert [folder for folder in sorted(folders) if f"`{folder}`" not in text and f"`{folder}/`" not in text] == []
