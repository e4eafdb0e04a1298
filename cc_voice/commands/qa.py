"""`cc-voice qa`: forms, the legs that are drawn for them, answers with their evidence, submission, agreement of evaluators."""

import datetime
from pathlib import Path
from typing import Any

import click

from cc_voice.commands.terminal import ask, load_settings, local_time, print_json, print_table, site_options


@click.group("qa")
def qa() -> None:
    """Draw legs for evaluation, see what a form says of one and why, change answers, submit them, compare evaluators.

    A form is a TOML file in the folder `forms` of the data folder; `service-call` ships with the program. Its automatic answers are
    there when a call is measured. TARGET is a leg, a call with one leg, or an evaluation.
    """


def _by() -> str:
    from cc_voice.web.access.audit import os_actor

    return os_actor()


def _leg_options(command: Any) -> Any:
    for option in (
        click.option("--leg", type=click.IntRange(1), help="Number of the leg, where TARGET is a call with several."),
        click.option("--form", default="service-call", show_default=True, help="Id of the form."),
    ):
        command = option(command)
    return command


@qa.command()
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def forms(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """List the forms in force, and what is wrong with the site's files."""
    from cc_voice.query.evaluations import form_folder

    settings = load_settings(config, data_dir)
    found = ask(settings, "forms.versions")
    files, problems = form_folder.all_files(settings.data_dir)
    if as_json:
        print_json(found)
    else:
        rows = []
        for each in found:
            file = files.get(each["id"])
            told = f"version {file.form.version}, {file.origin}" if file else "–"
            rows.append([each["id"], each["title"], f"version {each['version']}", each["state"], told])
        print_table(["form", "title", "published", "state", "file"], rows)
    for problem in problems:
        click.echo(problem, err=True)


@qa.command()
@site_options
@click.argument("files", nargs=-1, metavar="[FILE|ID]...")
def check(files: tuple[str, ...], config: Path | None, data_dir: Path | None) -> None:
    """Check form files, all where none is named: that they can be read, and name rules that are in force."""
    from cc_voice.media import rule_sets
    from cc_voice.quality.forms.errors import FormError
    from cc_voice.quality.forms.form_files import check_against
    from cc_voice.query.evaluations import form_folder

    settings = load_settings(config, data_dir)
    rules = [each.rule for each in rule_sets.evaluator(settings.data_dir).rules.rules]
    known, problems = form_folder.all_files(settings.data_dir) if not files else ({}, [])
    names = files or tuple(known)
    for name in names:
        try:
            file = form_folder.named(settings.data_dir, name)
            check_against(file.form, rules, name)
        except FormError as error:
            problems.append(str(error))
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{len(names)} forms: {len(problems)} problems")
    if problems:
        raise click.exceptions.Exit(1)


@qa.command()
@site_options
@click.argument("file", metavar="FILE|ID")
@click.option("--note", default="", help="Why, for those who read the history.")
def publish(file: str, note: str, config: Path | None, data_dir: Path | None) -> None:
    """Put a version of a form in force, for calls that are measured from now on."""
    from cc_voice.quality.forms.errors import FormError
    from cc_voice.query.evaluations import form_folder

    settings = load_settings(config, data_dir)
    try:
        found = form_folder.named(settings.data_dir, file)
    except FormError as error:
        raise click.ClickException(str(error)) from error
    made = ask(settings, "forms.publish", text=found.text, note=note, by=_by())
    click.echo(f"{made['id']}, version {made['version']}, is in force ({made['state']})")


@qa.command()
@site_options
@click.option("--per-agent", type=click.IntRange(1, 1000), default=5, show_default=True, help="Legs of each agent.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First local date.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last local date.")
@click.option("--min-ms", type=click.IntRange(0), default=180_000, show_default=True, help="Shorter legs are left out.")
@click.option("--queue", help="Only this queue, by id or name.")
@click.option("--by", "by_keys", default="", help="Strata within each agent: queue, language, team, parted by commas.")
@click.option("--seed", help="Another seed, another sample.  [default: this week, such as 2026-W48]")
@click.option("--form", default="service-call", show_default=True, help="Id of the form.")
@click.option("--reject", metavar="SAMPLE:LEG", help="Reject a pick of an earlier sample, and draw the next of its stratum.")
@click.option("--reason", default="", help="Why it is rejected.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sample(
    per_agent: int,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    min_ms: int,
    queue: str | None,
    by_keys: str,
    seed: str | None,
    form: str,
    reject: str | None,
    reason: str,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Draw legs that nobody evaluated yet: so many of each agent, by seed; what they were drawn from is recorded."""
    settings = load_settings(config, data_dir)
    if reject:
        sample_id, _, leg_id = reject.partition(":")
        found = ask(settings, "qa.reject", sample_id=sample_id, leg_id=leg_id, reason=reason, by=_by())
    else:
        choice = {
            "form": form,
            "per_agent": per_agent,
            "since": f"{since:%Y-%m-%d}" if since else None,
            "until": f"{until:%Y-%m-%d}" if until else None,
            "min_ms": min_ms,
            "queue": queue,
            "by": [key.strip() for key in by_keys.split(",") if key.strip()],
            "seed": seed,
        }
        found = ask(settings, "qa.sample", choice=choice, by=_by())
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["stratum"],
            each["agent"] or "–",
            each["leg_id"],
            local_time(each["answered_ts"], settings.timezone) if each["answered_ts"] else "–",
            f"{(each['interaction_ms'] or 0) / 1000:.0f} s",
            f"{each['weight']:.2f}",
            each["state"],
        ]
        for each in found["picks"]
    ]
    print_table(
        ["stratum", "agent", "leg", f"answered, {settings.timezone}", "length", "weight", "state"], rows, empty="no leg is fit"
    )
    click.echo(f"sample {found['sample_id']}, seed {found['seed']}: {len(rows)} of {found['population']} legs")


@qa.command()
@site_options
@click.argument("target")
@_leg_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(target: str, leg: int | None, form: str, as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Show an evaluation: answers with evidence, confidence and reason, sections, score; of a leg the automatic one."""
    settings = load_settings(config, data_dir)
    found = ask(settings, "qa.show", target=target, leg=leg, form=form)
    if as_json:
        print_json(found)
        return
    _print(found["shown"], settings.timezone)
    for each in found["others"]:
        click.echo(f"also: {each['evaluation_id']}, {each['evaluator_name'] or 'automatic'}, {each['form_id']}, {each['state']}")


def _print(shown: dict[str, Any], timezone: str) -> None:
    one = shown["evaluation"]
    who = one["evaluator_name"] or "automatic"
    click.echo(f"{shown['form_title']} (version {one['form_version']}), leg {one['leg_id']}, {who}, {one['evaluation_id']}")
    rows = [
        [
            each["question"],
            each["title"],
            str(each["weight"]),
            each["answer"] + (" (critical)" if each["critical_cap"] is not None else ""),
            each["reason"] or each["override_reason"] or "–",
            "–" if each["auto_confidence"] is None else f"{each['auto_confidence']:.2f}",
            "; ".join(_evidence(part) for part in each["evidence"][:3]) or "–",
        ]
        for each in shown["answers"]
    ]
    print_table(["", "question", "weight", "answer", "reason", "confidence", "evidence"], rows)
    for section in shown["sections"]:
        score = "–" if section["score_pct"] is None else f"{section['score_pct']:.1f}"
        click.echo(f"{section['title']}: {score} ({section['earned']:g} of {section['determined']:g})")
    uncapped = one["score_uncapped_pct"]
    notes = [
        one["state"],
        f"coverage {one['coverage_pct']:.1f} %" if one["coverage_pct"] is not None else "",
        one["score_reason"] or "",
        f"a critical question is missed; else {uncapped:.1f}" if one["automatic_fail"] and uncapped is not None else "",
    ]
    click.echo(f"score {shown['score']}, {', '.join(filter(None, notes))}")
    for step in shown["steps"]:
        click.echo(
            f"{local_time(step['at_ts'], timezone)} {step['actor']}: {step['deed']} → {step['to_state']} {step['text']}".rstrip()
        )


def _evidence(part: dict[str, Any]) -> str:
    at = "" if part["start_ms"] is None else f"{part['start_ms'] / 1000:.1f}–{part['end_ms'] / 1000:.1f} s"
    named = part["rule_id"] or part["name"] or ""
    value = f"{part['value']:g}" if part["kind"] == "metric" and part["value"] is not None else ""
    heard = ""
    if part["kind"] == "window" and part["value"] is not None:
        heard = "none" if part["name"] else f"{part['value']:.0f} words heard"
    return " ".join(filter(None, (named, value, heard, at)))


@qa.command()
@site_options
@click.argument("target")
@click.argument("answers", nargs=-1, required=True, metavar="QUESTION=ANSWER...")
@_leg_options
@click.option("--reason", help="Why an automatic answer is changed: heard_otherwise, context, wrong_rule, customer_asked, …")
@click.option("--text", default="", help="The same in words, ten characters at least.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def answer(
    target: str,
    answers: tuple[str, ...],
    leg: int | None,
    form: str,
    reason: str | None,
    text: str,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Answer questions in a draft of one's own, which begins with the automatic answers: met, missed, na, a share such as 1/2."""
    settings = load_settings(config, data_dir)
    given = [_given(each, reason, text) for each in answers]
    found = ask(settings, "qa.answer", target=target, leg=leg, form=form, answers=given, by=_by())
    if as_json:
        print_json(found)
    else:
        _print(found, settings.timezone)


def _given(text: str, reason: str | None, why: str) -> dict[str, Any]:
    question, sign, told = text.partition("=")
    if not sign:
        raise click.ClickException(f"{text!r}: write QUESTION=ANSWER, such as q6=met")
    return {"question": question.strip(), "answer": told.strip(), "reason": reason, "text": why}


@qa.command()
@site_options
@click.argument("target")
@_leg_options
@click.option(
    "--deed",
    type=click.Choice(["submit", "acknowledge", "dispute", "uphold", "change", "appeal", "decide"]),
    default="submit",
    show_default=True,
    help="Another step than submission.",
)
@click.option("--text", default="", help="Why, where it must be said.")
@click.option("--question", help="What is disputed.")
@click.option("--answer", "answers", multiple=True, metavar="QUESTION=ANSWER", help="What is changed by change and decide.")
@click.option("--reason", help="Why an automatic answer is changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def submit(
    target: str,
    leg: int | None,
    form: str,
    deed: str,
    text: str,
    question: str | None,
    answers: tuple[str, ...],
    reason: str | None,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Submit a draft, or move an evaluation on: acknowledge, dispute, uphold, change, appeal, decide."""
    settings = load_settings(config, data_dir)
    step = {"deed": deed, "text": text, "question": question, "answers": [_given(each, reason, text) for each in answers]}
    found = ask(settings, "qa.step", target=target, leg=leg, form=form, step=step, by=_by())
    if as_json:
        print_json(found)
    else:
        _print(found, settings.timezone)


@qa.command()
@site_options
@click.argument("target", required=False)
@_leg_options
@click.option("--expert", help="Account whose answers are the reference.")
@click.option("--join", "session", metavar="CALIBRATION", help="Open one's own evaluation of a calibration.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def calibrate(
    target: str | None,
    leg: int | None,
    form: str,
    expert: str | None,
    session: str | None,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Begin a calibration of a leg, or without TARGET show how far evaluators agree: raw, and Gwet's AC1 with ten legs or more."""
    settings = load_settings(config, data_dir)
    found = ask(settings, "qa.calibrate", target=target, leg=leg, form=form, expert=expert, session=session, version=None, by=_by())
    if as_json:
        print_json(found)
    elif target:
        click.echo(f"calibration {found['calibration_session_id']} of leg {found['leg_id']}; evaluators join it with --join")
    elif session:
        click.echo(f"evaluation {found['evaluation_id']}, {found['state']}; answer it with `cc-voice qa answer`")
    else:
        rows = [
            [each["question"], each["title"], *(_agreement(each[who]) for who in ("evaluators", "expert", "automatic"))]
            for each in found["questions"]
        ]
        print_table(["", "question", "evaluators", "with the expert", "with the automatic answer"], rows)
        click.echo(f"{found['sessions']} calibrations of {found['form_id']}, version {found['form_version']}")


def _agreement(found: dict[str, Any]) -> str:
    if found["raw"] is None:
        return "n = 0"
    ac1 = "" if found["ac1"] is None else f", AC1 {found['ac1']:.2f}"
    interval = "" if found["low"] is None else f" ({found['low']:.2f} to {found['high']:.2f})"
    return f"{100 * found['raw']:.0f} %{ac1}{interval}, n = {found['n']}"
