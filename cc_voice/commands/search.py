"""`cc-voice search` and `cc-voice reindex`: find calls by what was said, and sort the index that finds them."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cc_voice.commands.terminal import ask, language_tag, load_settings, local_time, print_json, site_options

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command(context_settings={"ignore_unknown_options": True})
@site_options
@click.argument("query", nargs=-1, required=True)
@click.option("--party", type=click.Choice(["agent", "customer"]), help="Only what this party said.")
@click.option("--since", type=_DAY, help="First day of the site.")
@click.option("--until", type=_DAY, help="Last day of the site, that day included.")
@click.option("--queue", metavar="NAME", help="Only calls of the queue with this name, in any case.")
@click.option("--agent", metavar="NAME", help="Only calls of the agent with this name, in any case.")
@click.option("--language", metavar="TAG", callback=language_tag, help="Only utterances in this language, such as en.")
@click.option("--source", type=click.Choice(["local", "zoom"]), help="Only our recogniser's words, or only Zoom's.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Calls of a page, newest first.")
@click.option("--after", metavar="CURSOR", help="The next page: what the page before ended with.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: hits, after.")
def search(
    query: tuple[str, ...],
    config: Path | None,
    data_dir: Path | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    after: str | None,
    as_json: bool,
    **chosen: str | None,
) -> None:
    """Find calls by what was said, in any case and without regard to accents.

    Words are all of the call's; OR for one of two; "a phrase" in quotes; refund near/5 card; -word for not said; refund* for a
    beginning. Put the query in single quotes, so that the shell leaves it alone.
    """
    days = {name: day.date().isoformat() for name, day in (("since", since), ("until", until)) if day}
    settings = load_settings(config, data_dir)
    found = ask(settings, "search", query=" ".join(query), chosen={**chosen, **days}, limit=limit, after=after)
    if as_json:
        print_json(found)
        return
    for hit in found["hits"]:
        _print_hit(hit, settings.timezone)
    if not found["hits"]:
        click.echo("no call", err=True)
    if found["after"]:
        click.echo(f"more: --after {found['after']}", err=True)


def _print_hit(hit: Mapping[str, Any], timezone: str) -> None:
    who = " · ".join(filter(None, [hit["agent_name"], hit["queue_name"], hit["language"]]))
    click.echo(f"{hit['call_id']}  {local_time(hit['start_ts'], timezone)[:16]}  {who}")
    for passage in hit["passages"]:
        seconds = passage["start_ms"] // 1000
        text = "".join(click.style(piece["text"], bold=piece["is_match"]) for piece in passage["pieces"])
        click.echo(f"  {seconds // 60:3d}:{seconds % 60:02d}  {passage['party'] or '–':<9} {text}")
    if hit["more_passages"]:
        click.echo(f"          and {hit['more_passages']} more")


@click.command()
@site_options
def reindex(config: Path | None, data_dir: Path | None) -> None:
    """Make the index of search anew from the transcripts, month by month, sorted so that a word is found at once.

    A running service goes on meanwhile. Once a month is enough: what came since is found too, a little slower.
    """
    done = ask(load_settings(config, data_dir), "reindex")
    click.echo(f"{done['pairs']} pairs of word and call of {len(done['months'])} months indexed")
