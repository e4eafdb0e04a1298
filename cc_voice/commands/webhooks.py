"""`cc-voice webhooks`: programs that are told of alerts and calls, how each is, what was sent, and sending again."""

import datetime
from pathlib import Path

import click

from cc_voice.commands.terminal import ask, load_settings, local_time, print_json, print_table, site_options


@click.group("webhooks")
def webhooks() -> None:
    """List webhooks that go out, and send them again. Who gets which is policy `webhooks`."""


@webhooks.command("list")
@site_options
@click.option("--limit", type=click.IntRange(1, 1000), default=20, help="Deliveries shown, the newest first.  [default: 20]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_(limit: int, as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """List the receivers and the newest deliveries; secrets are shown nowhere."""
    settings = load_settings(config, data_dir)
    found = ask(settings, "webhooks", limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [[each["name"], each["state"], ", ".join(each["events"]), each["note"] or "–"] for each in found["receivers"]]
    print_table(["receiver", "state", "events", ""], rows, empty="no program is told: policy webhooks names none")
    sent = [
        [
            each["message_id"],
            each["type"],
            local_time(each["at_ts"], settings.timezone),
            each["endpoint"],
            each["state"],
            str(each["attempts"]),
            each["error"] or "–",
        ]
        for each in found["deliveries"]
    ]
    if sent:
        print_table(["message", "event", f"at, {settings.timezone}", "receiver", "state", "attempts", "error"], sent)


@webhooks.command()
@site_options
@click.argument("message_id", required=False)
@click.option("--since", type=click.DateTime(), help="All that were given up or dropped since then (UTC).")
@click.option("--receiver", help="Only of this receiver; alone: switch it on again.")
def replay(
    message_id: str | None, since: datetime.datetime | None, receiver: str | None, config: Path | None, data_dir: Path | None
) -> None:
    """Send MESSAGE_ID again, or what was not delivered since a moment. Ids stay, so that receivers take each once."""
    if message_id is None and since is None and receiver is None:
        raise click.UsageError("name a message, --since or --receiver")
    moment = since.replace(tzinfo=datetime.UTC).isoformat() if since else None
    found = ask(load_settings(config, data_dir), "webhooks.replay", message_id=message_id, since=moment, endpoint=receiver)
    click.echo(f"{found['deliveries']} deliveries are sent again")
