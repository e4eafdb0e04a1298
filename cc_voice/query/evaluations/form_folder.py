"""Form folder: the form files of a site beside those that ship, and their publication.

    <data>/forms/ID.toml      the working copy of a form, which people read and edit; replaces the shipped one of the same id
    table form_version        which versions were published: only these act
    <data>/forms/compiled/    the forms in force, for workers; follows the rows

No folder is watched: what is in a file acts when it is published.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.media import form_sets, rule_sets
from cc_voice.media.files import write_atomically
from cc_voice.quality.forms.errors import FormError
from cc_voice.quality.forms.evaluation_rows import form_version
from cc_voice.quality.forms.form import EvaluationForm
from cc_voice.quality.forms.form_files import check_against, read_form
from cc_voice.store import evaluation_rows
from cc_voice.store.database import Connection, Database


class FormFile(msgspec.Struct, frozen=True, kw_only=True):
    """A form and the text that it was read from."""

    form: EvaluationForm
    text: str
    origin: str
    """`shipped`, or the path of the site's file."""

    @property
    def meaning(self) -> str:
        """Of what it asks: another one needs another version."""
        return hashlib.sha256(self.form.meaning).hexdigest()


def digest(text: str) -> str:
    """Return what tells one text of a form from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def forms_dir(data_dir: Path) -> Path:
    """Return the folder of a site's form files."""
    return data_dir / "forms"


def read_file(path: Path) -> FormFile:
    """Read a form file. Raises FormError."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise FormError(f"{path}: this is no text in UTF-8") from error
    except OSError as error:
        raise FormError(f"{path}: {error.strerror}") from error
    return FormFile(form=read_form(text, str(path)), text=text, origin=str(path))


def shipped_files() -> dict[str, FormFile]:
    """Return the forms that ship with the program."""
    return {
        name: FormFile(form=read_form(text, f"{name}.toml"), text=text, origin="shipped")
        for name, text in form_sets.shipped_texts().items()
    }


def all_files(data_dir: Path) -> tuple[dict[str, FormFile], list[str]]:
    """Return id → form file, of the site's and those that ship, and what is wrong with the site's; one bad file hides no other."""
    found, problems = shipped_files(), []
    folder = forms_dir(data_dir)
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
        try:
            file = read_file(path)
            if file.form.id != path.stem:
                raise FormError(f"{path}: a form `{file.form.id}` is in a file of that name: {file.form.id}.toml")
            found[file.form.id] = file
        except FormError as error:
            problems.append(str(error))
    return found, problems


def named(data_dir: Path, name: str) -> FormFile:
    """Return the form file that a person names: a path, or the id of a form. Raises FormError."""
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return read_file(path)
    own = forms_dir(data_dir) / f"{name}.toml"
    if own.is_file():  # also where it is wrong: the one that ships is not what its author means
        return read_file(own)
    found, problems = all_files(data_dir)
    if name not in found:
        raise FormError("; ".join([f"there is no form {name!r}; there are {', '.join(sorted(found))}", *problems]))
    return found[name]


class FormPublication(msgspec.Struct, frozen=True, kw_only=True):
    """A text to be published."""

    text: str
    actor: str
    note: str = ""
    seen: str | None = None
    """SHA-256 of the working copy that was read before; None: it is not compared."""


class FormConflict(FormError):
    """The working copy is not what the person saw."""


def publish(database: Database, settings: Settings, change: FormPublication) -> dict[str, Any]:
    """Put a version of a form in force for calls measured from now on. For a thread. Raises FormError, StoreError, OSError."""
    file = FormFile(form=read_form(change.text, "form"), text=change.text, origin="site")
    if file.form.state == "draft":
        raise FormError(f'{file.form.id} is a draft; write state = "live" first')
    rules = rule_sets.evaluator(settings.data_dir).rules
    check_against(file.form, [each.rule for each in rules.rules], file.form.id)
    return database.write_now(lambda con: _publish(con, settings.data_dir, file, change))


def _publish(con: Connection, data_dir: Path, file: FormFile, change: FormPublication) -> dict[str, Any]:
    form = file.form
    path = forms_dir(data_dir) / f"{form.id}.toml"
    there = path.read_text(encoding="utf-8") if path.is_file() else ""
    if change.seen is not None and digest(there) != change.seen:
        raise FormConflict(f"{path} was changed since it was read; look at what is there, and try again")
    known = published_meanings(con, form.id)
    newest = max(known, default=0)
    if form.version < newest:
        raise FormError(f"{form.id}: version {newest} is published; the next one is {newest + 1}, not {form.version}")
    if form.version in known and known[form.version] != file.meaning:
        raise FormError(f"{form.id}: version {form.version} is published and asks something else; write version = {newest + 1}")
    evaluation_rows.note_form(con, form_version(form))
    con.execute(
        """
        update form_version
        set title = ?, state = ?, form = ?, text = ?, sha256 = ?, origin = 'site', author = ?, note = ?, published_ts = now()
        where form_id = ? and version = ?
        """,
        [
            *(form.title, form.state, msgspec.json.encode(form).decode(), change.text, file.meaning, change.actor, change.note),
            *(form.id, form.version),
        ],
    )
    form_sets.write_in_force(data_dir, form_sets.acting(published(con)))
    if there != change.text:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, change.text.encode())
    return {"id": form.id, "version": form.version, "state": form.state}


def published_meanings(con: Connection, form_id: str) -> dict[int, str]:
    """Return version → what it asks, of the versions of a form that were published or ship."""
    rows = con.execute("select version, form from form_version where form_id = ?", [form_id]).fetchall()
    found = {version: FormFile(form=decoded(text), text="", origin="").meaning for version, text in rows}
    shipped = shipped_files().get(form_id)
    return ({shipped.form.version: shipped.meaning} if shipped else {}) | found


_FORM = msgspec.json.Decoder(EvaluationForm)


def decoded(text: str) -> EvaluationForm:
    """Read a form as the store keeps it."""
    return _FORM.decode(text)


def published(con: Connection) -> tuple[EvaluationForm, ...]:
    """Return the newest version of every form that was published, and those that ship where there is none of that id."""
    rows = con.execute(
        """
        select form
        from form_version
        where origin = 'site'
        qualify row_number() over (partition by form_id order by version desc) = 1
        """
    ).fetchall()
    own = {form.id: form for (text,) in rows for form in (decoded(text),)}
    both = {form.id: form for form in form_sets.shipped_forms()} | own
    return tuple(both[name] for name in sorted(both))


def version_of(con: Connection, form_id: str, version: int | None = None) -> EvaluationForm:
    """Return a version of a form, the one in force unless said. Raises FormError."""
    if version is None:
        found = {form.id: form for form in published(con)}
        if form_id not in found:
            raise FormError(f"there is no published form {form_id!r}; there are {', '.join(found)}")
        return found[form_id]
    rows = con.execute("select form from form_version where form_id = ? and version = ?", [form_id, version]).fetchall()
    if rows:
        return decoded(rows[0][0])
    shipped = {(form.id, form.version): form for form in form_sets.shipped_forms()}
    if (form_id, version) not in shipped:
        raise FormError(f"version {version} of {form_id} was never published here")
    return shipped[form_id, version]
