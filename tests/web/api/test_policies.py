"""Policies over the API: read, tried, published by compare-and-swap, and who may."""

from contextlib import aclosing

import httpx
import pytest

from cc_voice.config import policies as files
from cc_voice.query import policies
from cc_voice.web.appliance import Appliance
from tests.web.access.sites import TEAM_A, enter, fill

TEXT = 'format = 1\n\n[[thresholds]]\nname = "default"\ndead_air_ms = 4000\n'
OTHER = TEXT.replace("4000", "6000")
ADDRESS = "/api/v1/policies/thresholds"


async def seen(client: httpx.AsyncClient) -> tuple[str, str]:
    """Return the digest and the tag of what is there."""
    answer = await client.get(ADDRESS)
    return answer.json()["digest"], answer.headers["etag"]


async def test_a_policy_is_published_in_place_of_the_one_that_was_seen(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    digest, tag = await seen(rosa)
    made = await rosa.put(ADDRESS, json={"text": TEXT, "seen": digest})
    assert (made.status_code, made.json()["source"], made.json()["actor"]) == (200, "1", "rosa")
    assert made.json()["in_force"] == TEXT
    assert files.in_force(appliance.settings).thresholds[0].values.dead_air_ms == 4000
    assert made.headers["etag"] != tag
    by_tag = await rosa.put(ADDRESS, json={"text": OTHER}, headers={"if-match": made.headers["etag"]})
    assert (by_tag.status_code, by_tag.json()["source"]) == (200, "2")
    assert (await rosa.get(ADDRESS, headers={"if-none-match": by_tag.headers["etag"]})).status_code == 304
    entries = [each for each in appliance.audit.entries() if each.object == "policy thresholds"]
    assert [(each.actor, each.action) for each in entries] == [("rosa", "change")] * 2
    assert "4000" in (appliance.audit.detail(entries[0].seq) or "")


async def test_of_two_who_change_it_at_once_the_second_gets_the_difference(rosa: httpx.AsyncClient) -> None:
    digest, tag = await seen(rosa)
    assert (await rosa.put(ADDRESS, json={"text": TEXT, "seen": digest})).status_code == 200
    late = await rosa.put(ADDRESS, json={"text": OTHER, "seen": digest})
    assert (late.status_code, late.headers["content-type"]) == (409, "application/problem+json")
    assert "difference" in late.json()
    by_tag = await rosa.put(ADDRESS, json={"text": OTHER}, headers={"if-match": tag})
    assert by_tag.status_code == 412
    assert (await rosa.get(ADDRESS)).json()["source"] == "1"


async def test_whoever_does_not_say_what_they_replace_is_asked_to(rosa: httpx.AsyncClient) -> None:
    answer = await rosa.put(ADDRESS, json={"text": TEXT})
    assert answer.status_code == 428
    assert [each["name"] for each in answer.json()["errors"]] == ["seen"]


async def test_a_file_that_was_edited_underneath_comes_as_a_difference(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    digest, _ = await seen(rosa)
    path = files.working_copy(appliance.settings.data_dir, "thresholds")
    path.parent.mkdir(parents=True)
    path.write_text(OTHER)
    answer = await rosa.put(ADDRESS, json={"text": TEXT, "seen": digest})
    assert answer.status_code == 409
    assert "+dead_air_ms = 6000" in answer.json()["difference"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "dead_air_ms = 1", "seen": ""}, "text"),
        ({"text": TEXT.replace("4000", "-1"), "seen": ""}, "text"),
        ({"seen": ""}, "text"),
        ({"text": TEXT, "seen": "", "actor": "somebody else"}, "actor"),
        ({"text": 7, "seen": ""}, "text"),
    ],
    ids=["no policy", "no length", "nothing", "mass assignment", "no text"],
)
async def test_what_cannot_be_a_policy_is_told_by_its_field(rosa: httpx.AsyncClient, body: dict[str, object], field: str) -> None:
    answer = await rosa.put(ADDRESS, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert field in answer.text
    assert (await rosa.get(ADDRESS)).json()["source"] == "default"


async def test_a_pinned_policy_is_changed_by_nobody(
    rosa: httpx.AsyncClient, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "is_pinned", lambda settings, kind: True)
    digest, _ = await seen(rosa)
    answer = await rosa.put(ADDRESS, json={"text": TEXT, "seen": digest})
    assert answer.status_code == 409
    assert "pinned" in answer.json()["detail"]
    assert policies.history(appliance.database, "thresholds") == []


async def test_what_would_change_is_measured_and_nothing_changes(
    rosa: httpx.AsyncClient, appliance: Appliance, golden: str
) -> None:
    tried = await rosa.post(f"{ADDRESS}/trials", json={"text": TEXT})
    assert tried.status_code == 200
    assert tried.json()["problems"] + tried.json()["calls"] == 1
    refused = await rosa.post(f"{ADDRESS}/trials", json={"text": "x"})
    assert [each["name"] for each in refused.json()["errors"]] == ["text"]
    assert (await rosa.post("/api/v1/policies/claims/trials", json={"text": "format = 1"})).json()["calls"] == 0
    assert (await rosa.get(ADDRESS)).json()["source"] == "default"


async def test_versions_are_listed_and_returned(rosa: httpx.AsyncClient) -> None:
    for text in (TEXT, OTHER, TEXT):
        digest, _ = await seen(rosa)
        await rosa.put(ADDRESS, json={"text": text, "seen": digest})
    first = (await rosa.get(f"{ADDRESS}/versions?limit=2")).json()
    assert [each["version"] for each in first["versions"]] == [3, 2]
    rest = (await rosa.get(f"{ADDRESS}/versions?limit=2&before={first['next']}")).json()
    assert ([each["version"] for each in rest["versions"]], rest["next"]) == ([1], None)
    assert (await rosa.get(f"{ADDRESS}/versions/2")).json()["after_text"] == OTHER
    assert (await rosa.get(f"{ADDRESS}/versions/4")).status_code == 404
    assert (await rosa.get("/api/v1/policies/nothing")).status_code == 404


async def test_an_auditor_reads_policies_and_changes_none(appliance: Appliance) -> None:
    fill(appliance)
    async with aclosing(await enter(appliance, "olga", "auditor", TEAM_A)) as olga:
        digest, _ = await seen(olga)
        assert (await olga.put(ADDRESS, json={"text": TEXT, "seen": digest})).status_code == 403
        assert (await olga.post(f"{ADDRESS}/trials", json={"text": TEXT})).status_code == 403
        assert (await olga.get(f"{ADDRESS}/versions")).json() == {"versions": [], "next": None}
