"""Alert board: what is told of a call in progress to whom, worst first, and what each role may do about it."""

from typing import Any

import httpx
import msgspec
import pytest

from cc_voice.quality.alerts.reasons import AlertChange, alert_id
from cc_voice.store import alerts, outbox, streams
from cc_voice.web.access.roles import AccountAccess
from cc_voice.web.appliance import Appliance
from tests.web.access.sites import TEAM_A, enter
from tests.web.conftest import ORIGIN
from tests.web.test_live_scope import begin

SITE = AccountAccess(site=True)


def tell(appliance: Appliance, **values: Any) -> str:
    """A worker tells of an alert of the call in progress; its id."""
    row = appliance.database.read_now(lambda con: streams.load(con, "live-s"))
    assert row is not None
    told = {
        "kind": "raised",
        "call_id": "live",
        "stream_id": "live-s",
        "epoch": row.epoch,
        "reason": "dead_air",
        "rule": "",
        "level": 1,
        "weight": 0,
        "true_ms": 6_000,
        "at_ms": 60_000,
        "text": "Silence for 14 s, agent's turn",
    } | values
    name = alert_id("live", told["reason"], told["rule"], told["true_ms"])
    change = msgspec.convert(told | {"alert_id": name}, AlertChange)
    now_ms = round(appliance.now() * 1000)
    assert appliance.database.write_now(lambda con: alerts.take(con, change, now_ms))
    return name


async def on_floor(client: httpx.AsyncClient) -> str:
    return (await client.get("/live")).text


async def test_the_worst_is_shown_with_how_many_more(appliance: Appliance) -> None:
    begin(appliance)
    tell(appliance)
    tell(appliance, reason="hold_long", level=2, text="On hold 5:10", at_ms=61_000)
    tell(appliance, reason="monologue", text="Agent has spoken 2:05 without a break", at_ms=100_000)
    client = await enter(appliance, "sam", "supervisor", TEAM_A)
    page = await on_floor(client)
    assert "On hold 5:10" in page
    assert "+2" in page
    assert "Silence for 14 s" not in page
    open_now = (await client.get("/api/v1/alerts")).json()["alerts"]
    assert {each["reason"] for each in open_now} == {"dead_air", "hold_long", "monologue"}


@pytest.mark.parametrize(
    ("role", "access", "sees"),
    [
        ("supervisor", TEAM_A, True),
        ("supervisor", AccountAccess(teams=frozenset({"team-b"})), False),
        ("analyst", SITE, True),
        ("agent", AccountAccess(user_id="ana"), True),
        ("agent", AccountAccess(user_id="bob"), False),
    ],
)
async def test_alerts_are_for_who_may_see_the_call(appliance: Appliance, role: Any, access: AccountAccess, sees: bool) -> None:
    begin(appliance)
    name = tell(appliance)
    client = await enter(appliance, "sam", role, access)
    assert ("Silence for 14 s" in await on_floor(client)) == sees
    assert bool((await client.get("/api/v1/alerts")).json()["alerts"]) == sees
    if role == "supervisor" and not sees:
        for deed in ("acknowledge", "not-useful"):
            assert (await client.post(f"/api/v1/alerts/{name}", json={"deed": deed})).status_code == 404


async def test_words_of_a_rule_need_the_words(appliance: Appliance) -> None:
    begin(appliance)
    tell(appliance, reason="rule", rule="supervisor-asked", text="Asked for a supervisor: “speak to a manager”")
    admin = await enter(appliance, "adi", "admin", SITE)
    assert "speak to a manager" not in await on_floor(admin) + (await admin.get("/api/v1/alerts")).text
    sam = await enter(appliance, "sam", "supervisor", TEAM_A)
    assert "speak to a manager" in await on_floor(sam)


async def test_acknowledged_leaves_the_board_and_stands_in_the_audit_log(appliance: Appliance) -> None:
    begin(appliance)
    name = tell(appliance)
    sam = await enter(appliance, "sam", "supervisor", TEAM_A)
    for _ in range(2):
        answer = await sam.post(f"/live/alerts/{name}", data={"deed": "acknowledge"}, headers={"origin": ORIGIN})
        assert answer.status_code == 303
    assert "Silence for 14 s" not in await on_floor(sam)
    row = (await sam.get("/api/v1/alerts")).json()["alerts"][0]
    assert (row["acknowledged_by"], row["closed_ts"]) == ("sam", None)
    admin = await enter(appliance, "adi", "admin", SITE)
    log = (await admin.get("/api/v1/audit")).json()
    assert f"alert {name}" in str(log)


async def test_an_analyst_marks_and_does_not_acknowledge(appliance: Appliance) -> None:
    begin(appliance)
    name = tell(appliance)
    analyst = await enter(appliance, "ann", "analyst", SITE)
    assert (await analyst.post(f"/api/v1/alerts/{name}", json={"deed": "acknowledge"})).status_code == 403
    assert (await analyst.post(f"/api/v1/alerts/{name}", json={"deed": "snooze-5"})).status_code == 403
    answer = await analyst.post(f"/api/v1/alerts/{name}", json={"deed": "not-useful"})
    assert answer.status_code == 200
    assert answer.json()["alerts"][0]["useful"] is False
    agent = await enter(appliance, "ana", "agent", AccountAccess(user_id="ana"))
    assert (await agent.post(f"/api/v1/alerts/{name}", json={"deed": "not-useful"})).status_code == 403


async def test_a_snooze_has_an_end(appliance: Appliance, clock: Any) -> None:
    begin(appliance)
    name = tell(appliance)
    sam = await enter(appliance, "sam", "supervisor", TEAM_A)
    for deed in ("snooze", "snooze-0", "snooze-600", ""):
        assert (await sam.post(f"/api/v1/alerts/{name}", json={"deed": deed})).status_code == 400
    assert (await sam.post(f"/api/v1/alerts/{name}", json={"deed": "snooze-5"})).status_code == 200
    assert "Silence for 14 s" not in await on_floor(sam)
    clock.now_s += 5 * 60
    assert "Silence for 14 s" in await on_floor(sam)


async def test_webhooks_are_shown_to_administration_and_sent_again(appliance: Appliance) -> None:
    begin(appliance)
    tell(appliance)
    sam = await enter(appliance, "sam", "supervisor", TEAM_A)
    assert (await sam.get("/api/v1/webhooks")).status_code == 403
    admin = await enter(appliance, "adi", "admin", SITE)
    assert (await admin.get("/api/v1/webhooks")).json() == {"receivers": [], "deliveries": []}
    assert (await admin.post("/api/v1/webhooks/replay", json={})).status_code == 400
    answer = await admin.post("/api/v1/webhooks/replay", json={"message_id": "msg_none"})
    assert answer.json() == {"deliveries": 0}
    assert "No program is told" in (await admin.get("/admin/exports")).text
    assert "alert.raised" in [each.type for each in appliance.database.read_now(outbox.new_messages)]


async def test_a_secret_in_a_policy_is_refused_and_shown_and_kept_nowhere(appliance: Appliance) -> None:
    admin = await enter(appliance, "adi", "admin", SITE)
    secret = "whsec_Y2Nfdm9pY2UtdGVzdC1zaWduaW5nLWtleS0wMDAxISE="
    text = f'format = 1\n[[webhooks]]\nurl = "https://desk.example.com/"\nsecret = "{secret}"\n'
    answer = await admin.post("/admin/policies/webhooks", data={"text": text, "seen": ""}, headers={"origin": ORIGIN})
    assert answer.status_code == 400
    assert "secret_file" in answer.text
    working = appliance.settings.data_dir / "policies" / "webhooks.toml"
    working.parent.mkdir(exist_ok=True)
    working.write_text(text)
    assert secret not in (await admin.get("/admin/policies/webhooks")).text
    assert secret.encode() not in b"".join(path.read_bytes() for path in appliance.settings.data_dir.glob("audit.sqlite*"))
