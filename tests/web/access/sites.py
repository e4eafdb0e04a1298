"""Sites for tests of access: two teams, and people of every role who may see one of them."""

import httpx
import msgspec

from cc_voice.store.batches import write_batch
from cc_voice.store.database import Connection
from cc_voice.web.access.roles import AccountAccess, Role, grantable
from cc_voice.web.appliance import Appliance
from tests.stored_calls import batch_of as measured
from tests.stored_calls import call, leg, say
from tests.web.conftest import ORIGIN, PASSWORD, application, record

TEAMS = {"ana": ("team-a", "North"), "bob": ("team-b", "South")}
SECRETS = ("Bob", "Sales", "hidden", "South", "team-b", "theirs")
"""What whoever sees team A only must find nowhere; `theirs` is the id of a call."""


def fill(appliance: Appliance, recorded: bool = False) -> None:
    """A call of Ana (team A, billing), one of Bob (team B, sales), one that Ana handed to Bob."""
    mine = call("mine", leg("mine"), said=(say("mine", "agent", 100, "mine refund"),))
    theirs = call("theirs", leg("theirs", agent="bob", queue="sales"), said=(say("theirs", "agent", 100, "hidden refund"),))
    said = (say("both", "agent", 100, "mine refund"), say("both", "agent", 61_000, "hidden refund", number=2))
    both = call("both", leg("both"), leg("both", 2, agent="bob", queue="sales"), said=said)
    for each in (mine, theirs, both):
        batch = measured(each)
        appliance.database.write_now(lambda con, batch=batch: write_batch(con, batch, appliance.settings.site))
        if recorded:
            start_ms = each.call.start_unix_ms
            record(appliance.settings.recordings_dir, each.call.call_id, f"{each.call.call_id}-s", start_ms)
    appliance.database.write_now(_with_teams)


def _with_teams(con: Connection) -> None:
    for user_id, (team_id, team) in TEAMS.items():
        con.execute("update dim_agent set team_id = ?, team_name = ? where user_id = ?", [team_id, team, user_id])


TEAM_A = AccountAccess(teams=frozenset({"team-a"}))


def join(appliance: Appliance, name: str, role: Role, access: AccountAccess = TEAM_A, *, all_grants: bool = False) -> None:
    """Make an account of a role; with everything that can be granted to it, or nothing."""
    given = msgspec.structs.replace(access, grants=frozenset(grantable(role)) if all_grants else access.grants)
    appliance.accounts.create(name, PASSWORD, role, must_change=False, access=given)


def browser(appliance: Appliance) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application(appliance), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN})


async def sign_in(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post("/login", data={"account": name, "password": PASSWORD})
    assert answer.status_code == 303, answer.text


async def enter(
    appliance: Appliance, name: str, role: Role, access: AccountAccess = TEAM_A, *, all_grants: bool = False
) -> httpx.AsyncClient:
    """Make an account and return a browser that is signed in with it."""
    join(appliance, name, role, access, all_grants=all_grants)
    client = browser(appliance)
    await sign_in(client, name)
    return client
