"""Evaluations over the API: each role does what is its own, on legs it may see, and programs are told what is wrong."""

from typing import Any

import httpx

from cc_voice.media import form_sets
from cc_voice.web.access.roles import AccountAccess
from cc_voice.web.appliance import Appliance
from tests.web.access.sites import TEAM_A, enter, fill

WHY = "the recording says it clearly"


async def posted(client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int = 200) -> Any:
    answer = await client.post(f"/api/v1{path}", json=body)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


async def test_an_evaluation_goes_from_evaluator_to_agent_and_back(appliance: Appliance) -> None:
    fill(appliance)
    eva = await enter(appliance, "eva", "supervisor")
    ana = await enter(appliance, "ana-account", "agent", AccountAccess(user_id="ana"))
    bob = await enter(appliance, "bob-account", "agent", AccountAccess(user_id="bob"))
    await posted(eva, "/evaluations", {"leg_id": "theirs-1"}, 404)
    await posted(ana, "/evaluations", {"leg_id": "mine-1"}, 403)
    await posted(eva, "/evaluations", {"leg_id": "mine-1", "form": "none"}, 400)
    draft = await posted(eva, "/evaluations", {"leg_id": "mine-1"}, 201)
    key = draft["evaluation"]["evaluation_id"]
    assert (draft["evaluation"]["state"], len(draft["answers"])) == ("draft", 12)
    assert (await ana.get(f"/api/v1/evaluations/{key}")).status_code == 404

    given = [{"question": each["question"], "answer": "met", "reason": "heard_otherwise", "text": WHY} for each in draft["answers"]]
    wrong = await eva.put(f"/api/v1/evaluations/{key}/answers", json={"answers": [{"question": "q99", "answer": "met"}]})
    assert (wrong.status_code, "q99" in wrong.json()["detail"]) == (400, True)
    done = (await eva.put(f"/api/v1/evaluations/{key}/answers", json={"answers": given})).json()
    assert (done["score"], done["evaluation"]["coverage_pct"]) == ("100.0", 100)
    await posted(eva, f"/evaluations/{key}/steps", {"deed": "submit"})

    assert [each["evaluation_id"] for each in (await ana.get("/api/v1/evaluations?status=submitted")).json()] == [key]
    assert (await bob.get(f"/api/v1/evaluations/{key}")).status_code == 404
    await posted(bob, f"/evaluations/{key}/steps", {"deed": "acknowledge"}, 404)
    await posted(eva, f"/evaluations/{key}/steps", {"deed": "acknowledge"}, 403)
    await posted(ana, f"/evaluations/{key}/steps", {"deed": "dispute", "text": "no"}, 400)
    await posted(ana, f"/evaluations/{key}/steps", {"deed": "dispute", "text": WHY, "question": "q1"})
    upheld = await posted(eva, f"/evaluations/{key}/steps", {"deed": "uphold", "text": WHY})
    assert [each["deed"] for each in upheld["steps"]] == ["open", "submit", "dispute", "uphold"]
    await posted(ana, f"/evaluations/{key}/steps", {"deed": "appeal", "text": WHY})
    await posted(eva, f"/evaluations/{key}/steps", {"deed": "decide", "text": WHY}, 403)
    lead = await enter(appliance, "lead", "supervisor", all_grants=True)
    final = await posted(lead, f"/evaluations/{key}/steps", {"deed": "decide", "text": WHY})
    assert final["evaluation"]["state"] == "final"
    deeds = [entry.object for entry in appliance.audit.entries()]
    assert f"evaluation {key}: decide" in deeds


async def test_lists_are_files_for_who_may_export(appliance: Appliance) -> None:
    fill(appliance)
    eva = await enter(appliance, "eva", "supervisor")
    lead = await enter(appliance, "lead", "supervisor", TEAM_A, all_grants=True)
    await posted(eva, "/evaluations", {"leg_id": "mine-1"}, 201)
    assert (await eva.get("/api/v1/evaluations?format=csv")).status_code == 403
    table = await lead.get("/api/v1/evaluations?format=csv")
    assert table.status_code == 200
    assert "evaluation_id" in table.text.splitlines()[0]
    assert (await lead.get("/api/v1/evaluations?format=parquet")).content[:4] == b"PAR1"


async def test_samples_calibrations_and_coaching_are_of_legs_one_may_see(appliance: Appliance) -> None:
    fill(appliance)
    appliance.database.write_now(lambda con: con.execute("update fact_leg set qa_eligible = true"))
    eva = await enter(appliance, "eva", "supervisor")
    drawn = await posted(eva, "/samples", {"min_ms": 0, "seed": "1"}, 201)
    assert {each["leg_id"] for each in drawn["picks"]} == {"mine-1", "both-1"}
    left = drawn["picks"][0]["leg_id"]
    rejected = await posted(eva, f"/samples/{drawn['sample_id']}/rejections", {"leg_id": left, "reason": "a wrong number, no call"})
    assert sorted(each["state"] for each in rejected["picks"]) == ["picked", "rejected"]

    await posted(eva, "/calibrations", {"leg_id": "theirs-1"}, 404)
    session = (await posted(eva, "/calibrations", {"leg_id": "mine-1"}, 201))["calibration_session_id"]
    joined = await posted(eva, "/evaluations", {"leg_id": "mine-1", "calibration_session_id": session}, 201)
    assert joined["evaluation"]["evaluation_type"] == "calibration"
    assert (await eva.get("/api/v1/calibrations")).json()["form_id"] == "service-call"

    ana = await enter(appliance, "ana-account", "agent", AccountAccess(user_id="ana"))
    item = await posted(eva, "/coaching", {"leg_id": "mine-1", "note": "listen to how you begin"}, 201)
    assert [each["coaching_id"] for each in (await ana.get("/api/v1/coaching")).json()] == [item["coaching_id"]]
    await posted(eva, f"/coaching/{item['coaching_id']}/steps", {"deed": "acknowledge"}, 403)
    moved = await posted(ana, f"/coaching/{item['coaching_id']}/steps", {"deed": "acknowledge"})
    assert moved["state"] == "acknowledged"


async def test_forms_are_published_by_who_may_and_not_over_what_nobody_saw(appliance: Appliance) -> None:
    analyst = await enter(appliance, "nina", "analyst", TEAM_A)
    admin = await enter(appliance, "adam", "admin")
    text = form_sets.shipped_texts()["service-call"].replace("version = 1", "version = 2").replace("10000", "9000")
    await posted(analyst, "/forms/service-call/publish", {"text": text}, 403)
    await posted(admin, "/forms/other/publish", {"text": text}, 400)
    await posted(admin, "/forms/service-call/publish", {"text": text.replace("weight = 16", "weight = 15")}, 400)
    assert (await posted(admin, "/forms/service-call/publish", {"text": text}))["version"] == 2
    await posted(admin, "/forms/service-call/publish", {"text": text.replace("version = 2", "version = 3")}, 409)
    (form,) = (await analyst.get("/api/v1/forms")).json()
    assert (form["version"], form["questions"]) == (2, 12)
