"""Rules over the API: who may try, mark, write and publish them, what is refused, and what the audit log has of it."""

from typing import Any

import httpx
import pytest

from cc_voice.store.batches import write_batch
from cc_voice.web.access.roles import AccountAccess, Role
from cc_voice.web.appliance import Appliance
from tests.stored_calls import SITE, batch_of, call, leg, say
from tests.web.conftest import PASSWORD

TEXT = """
id = "parcel"
version = {version}
title = "Customer misses a parcel"
state = "live"
[[condition]]
name = "said"
party = "customer"
phrases.en = [{phrases}]
"""
RULES = "/api/v1/rules"
PARCEL = f"{RULES}/parcel"


def text(version: int = 1, phrases: str = '"where is ..2 parcel"') -> str:
    return TEXT.format(version=version, phrases=phrases)


@pytest.fixture
def calls(appliance: Appliance) -> None:
    for number in range(3):
        name, queue = f"call{number}", "billing" if number else "sales"
        measured = call(name, leg(name, queue=queue), said=(say(name, "customer", 5_000, "where is my parcel"),))
        assert appliance.database.write_now(lambda con, measured=measured: write_batch(con, batch_of(measured), SITE))  # type: ignore[misc]


async def signed_in(client: httpx.AsyncClient, appliance: Appliance, role: Role, access: AccountAccess) -> httpx.AsyncClient:
    appliance.accounts.create(role, PASSWORD, role, must_change=False, access=access)
    assert (await client.post("/login", data={"account": role, "password": PASSWORD})).status_code == 303
    return client


@pytest.fixture
async def analyst(stranger: httpx.AsyncClient, appliance: Appliance) -> httpx.AsyncClient:
    return await signed_in(stranger, appliance, "analyst", AccountAccess(site=True, grants=frozenset({"publish"})))


def marked(sample: Any, mark: str) -> dict[str, Any]:
    place = {key: sample[key] for key in ("call_id", "leg_id", "condition", "party", "start_ms", "end_ms")}
    return {"hit_key": sample["key"], "sample": sample["kind"], "mark": mark, **place}


async def test_an_analyst_writes_tries_marks_and_publishes(analyst: httpx.AsyncClient, appliance: Appliance, calls: None) -> None:
    assert len((await analyst.get(RULES)).json()) == 25
    assert (await analyst.get(PARCEL)).status_code == 404
    written = await analyst.put(PARCEL, json={"text": text(), "seen": None})
    assert written.status_code == 200, written.text
    assert (await analyst.put(PARCEL, json={"text": text(), "seen": None})).status_code == 409

    tried = (await analyst.post(f"{PARCEL}/backtest", json={})).json()
    assert (tried["legs"], tried["matched"], tried["hits"]) == (3, 3, 3)
    assert {each["matched_text"] for each in tried["samples"]} == {"where is my parcel"}
    marks = [marked(each, "right") for each in tried["samples"]]
    taken = await analyst.post(f"{PARCEL}/marks", json={"version": 1, "marks": marks})
    assert (taken.status_code, taken.json()) == (201, {"marks": 3})
    assert (await analyst.post(f"{PARCEL}/backtest", json={})).json()["precision"]["n"] == 3

    seen = written.json()["rule"]["digest"]
    assert (await analyst.post(f"{PARCEL}/publish", json={"seen": "other"})).status_code == 409
    assert "3 of its hits are marked" in (await analyst.post(f"{PARCEL}/publish", json={"seen": seen})).json()["detail"]
    made = await analyst.post(f"{PARCEL}/publish", json={"seen": seen, "unmarked": True, "note": "first"})
    assert (made.status_code, made.json()["marked"]) == (200, 3)
    shown = (await analyst.get(PARCEL)).json()
    assert (shown["rule"]["author"], shown["rule"]["is_unmarked"], shown["rule"]["note"]) == ("analyst", True, "first")
    assert (await analyst.get(f"{PARCEL}/hits")).json() == [], "stored calls follow by `rules run`"
    await appliance.audit.flush()
    deeds = [(entry.action, entry.object) for entry in appliance.audit.entries(after=0, limit=100)]
    for expected in (("change", "rule parcel"), ("change", "marks of rule parcel"), ("change", "rule parcel published")):
        assert expected in deeds


async def test_what_is_wrong_is_told(analyst: httpx.AsyncClient, calls: None) -> None:
    for body in ({"text": text(phrases='"(broken"')}, {"text": text().replace("parcel", "other", 1)}, {"text": "x"}):
        answer = await analyst.put(PARCEL, json=body)
        assert answer.status_code == 400, body
        assert answer.json()["errors"][0]["name"] == "text"
    assert (await analyst.post(f"{RULES}/greeting/backtest", json={"calls": 10_000})).status_code == 400
    assert (await analyst.get(f"{RULES}/greeting/hits?since=yesterday")).status_code == 400
    bad = {"version": 1, "marks": [{"hit_key": "k", "mark": "nice", "sample": "hit", "call_id": "call1"}]}
    assert (await analyst.post(f"{RULES}/greeting/marks", json=bad)).status_code == 400


async def test_a_supervisor_marks_own_queues_and_writes_nothing(
    stranger: httpx.AsyncClient, appliance: Appliance, calls: None
) -> None:
    client = await signed_in(stranger, appliance, "supervisor", AccountAccess(queues=frozenset({"sales"})))
    marks = [{"hit_key": name, "mark": "right", "sample": "hit", "call_id": name} for name in ("call0", "call1")]
    taken = await client.post(f"{RULES}/thanks/marks", json={"version": 1, "marks": marks})
    assert taken.json() == {"marks": 1}, "the other call is of a queue that they do not see"
    for refused in (
        client.put(PARCEL, json={"text": text()}),
        client.post(f"{RULES}/greeting/backtest", json={}),
        client.post(f"{RULES}/greeting/publish", json={"seen": ""}),
    ):
        assert (await refused).status_code == 403


async def test_a_backtest_is_of_rows_in_scope(stranger: httpx.AsyncClient, appliance: Appliance, calls: None) -> None:
    client = await signed_in(stranger, appliance, "analyst", AccountAccess(queues=frozenset({"sales"})))
    tried = (await client.post(f"{PARCEL}/backtest", json={"text": text()})).status_code
    assert tried == 200
    found = (await client.post(f"{PARCEL}/backtest", json={"text": text()})).json()
    assert {each["call_id"] for each in found["samples"]} == {"call0"}


async def test_an_agent_sees_that_there_are_rules_and_no_more(
    stranger: httpx.AsyncClient, appliance: Appliance, calls: None
) -> None:
    client = await signed_in(stranger, appliance, "agent", AccountAccess(user_id="ana"))
    assert (await client.get(RULES)).status_code == 200
    assert (await client.get(f"{RULES}/greeting")).status_code == 403
    assert (await client.post(f"{RULES}/greeting/marks", json={"version": 1, "marks": []})).status_code == 403
