"""Rule folder: the rule files of a site beside those that ship with the program.

    <data>/rules/ID.toml     the working copy of a rule, which people read and edit; replaces the shipped one of the same id
    table dim_category       which versions were published: only these act

No folder is watched: what is in a file acts when it is published.
"""

import hashlib
from pathlib import Path

import msgspec

from cc_voice.media.rule_sets import shipped_texts
from cc_voice.quality.rules.errors import RuleError
from cc_voice.quality.rules.rule import Rule
from cc_voice.quality.rules.rule_files import MOST_RULES, check_set, read_rule


class RuleFile(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and the text that it was read from."""

    rule: Rule
    text: str
    origin: str
    """`shipped`, or the path of the site's file."""

    @property
    def digest(self) -> str:
        """Of the file: what compare-and-swap compares."""
        return digest(self.text)

    @property
    def meaning(self) -> str:
        """Of what it finds: another one needs another version."""
        return hashlib.sha256(self.rule.meaning).hexdigest()


def digest(text: str) -> str:
    """Return what tells one text of a rule from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def rules_dir(data_dir: Path) -> Path:
    """Return the folder of a site's rule files."""
    return data_dir / "rules"


def read_file(path: Path) -> RuleFile:
    """Read a rule file. Raises RuleError."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise RuleError(f"{path}: this is no text in UTF-8") from error
    except OSError as error:
        raise RuleError(f"{path}: {error.strerror}") from error
    return RuleFile(rule=read_rule(text, str(path)), text=text, origin=str(path))


def site_files(data_dir: Path) -> list[Path]:
    """Return the rule files of a site, in order of their names."""
    folder = rules_dir(data_dir)
    return sorted(folder.glob("*.toml"))[: MOST_RULES + 1] if folder.is_dir() else []


def all_files(data_dir: Path) -> tuple[dict[str, RuleFile], list[str]]:
    """Return id → rule file, of the site's and those that ship, and what is wrong with the site's; one bad file hides no other."""
    found = {
        name: RuleFile(rule=read_rule(text, f"{name}.toml"), text=text, origin="shipped") for name, text in shipped_texts().items()
    }
    problems: list[str] = []
    for path in site_files(data_dir):
        try:
            file = read_file(path)
            if file.rule.id != path.stem:
                raise RuleError(f"{path}: a rule `{file.rule.id}` is in a file of that name: {file.rule.id}.toml")
            found[file.rule.id] = file
        except RuleError as error:
            problems.append(str(error))
    try:
        check_set(each.rule for each in found.values())
    except RuleError as error:
        problems.append(str(error))
    return found, problems


def named(data_dir: Path, name: str) -> RuleFile:
    """Return the rule file that a person names: a path, or the id of a rule. Raises RuleError."""
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return read_file(path)
    own = rules_dir(data_dir) / f"{name}.toml"
    if own.is_file():
        return read_file(own)
    texts = shipped_texts()
    if name not in texts:
        raise RuleError(f"there is no rule {name!r}; `cc-voice rules list` shows them, or name a file")
    return RuleFile(rule=read_rule(texts[name], f"{name}.toml"), text=texts[name], origin="shipped")


def shipped(rule_id: str, version: int) -> Rule:
    """Return a version of a rule that ships. Raises RuleError."""
    texts = shipped_texts()
    rule = read_rule(texts[rule_id], f"{rule_id}.toml") if rule_id in texts else None
    if rule is None or rule.version != version:
        raise RuleError(f"version {version} of {rule_id} was never published here")
    return rule
