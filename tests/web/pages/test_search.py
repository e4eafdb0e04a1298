"""Search for people and for programs: filters in the address, marks and links in the answer, nothing said is ever markup."""

import html
import re

import httpx
import pytest

from cc_voice.store.batches import write_batch
from cc_voice.web.appliance import Appliance
from tests.call.golden import T0
from tests.stored_calls import SITE, batch_of, call, leg, say
from tests.web.conftest import store_golden


def tell(appliance: Appliance, name: str, *said: str) -> None:
    lines = tuple(say(name, "customer", 10_000 * number, text) for number, text in enumerate(said))
    batch = batch_of(call(name, leg(name), said=lines))
    appliance.database.write_now(lambda con: write_batch(con, batch, SITE))


def passages(page: str) -> list[str]:
    return re.findall(r'<p lang="en" dir="auto">(.*?)</p>', page)


async def test_a_passage_is_marked_and_leads_to_its_second(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    tell(appliance, "a", "hello", "i want a Refund now")
    page = (await rosa.get("/search?q=refund")).text
    assert passages(page) == ["i want a <mark>Refund</mark> now"]
    assert page.count('href="/calls/a?t=10000"') == 2
    assert 'data-audio="/calls/a/audio"' in page
    assert 'data-play="10000"' in page


async def test_what_was_said_is_never_markup(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    tell(appliance, "a", "<script>alert(1)</script> refund <b>x</b>")
    page = (await rosa.get("/search", params={"q": 'refund "><script>x</script>', "agent": '"><i>'})).text
    assert "<script>x" not in page
    assert "<i>" not in page
    shown = passages((await rosa.get("/search?q=script+refund")).text)
    assert shown == ["&lt;<mark>script</mark>&gt;alert(1)&lt;/<mark>script</mark>&gt; <mark>refund</mark> &lt;b&gt;x&lt;/b&gt;"]


async def test_filters_stay_in_the_form_and_in_the_next_page(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    for number in range(21):
        tell(appliance, f"c{number}", "refund")
    page = (await rosa.get("/search?q=refund&party=customer&agent=Ana&from=2026-11-01")).text
    assert page.count('<li class="hit"') == 20
    assert '<option value="customer" selected>' in page
    assert '<option value="Ana" selected>' in page
    (link,) = re.findall(r'rel="next" href="([^"]+)"', page)
    assert {"q=refund", "party=customer", "agent=Ana", "from=2026-11-01"} < set(html.unescape(link).lstrip("?").split("&"))
    older = (await rosa.get(f"/search{html.unescape(link)}")).text
    assert older.count('<li class="hit"') == 1
    assert 'rel="next"' not in older
    assert "Newest" in older
    assert "Nobody said this" in (await rosa.get("/search?q=refund&party=agent")).text


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("q=OR", "stand between two words"),
        ("q=-refund", "needs a word that was said"),
        ("q=refund&from=yesterday", "is not a date"),
        ("q=refund&party=ivr", "is none of agent, customer"),
        ("q=refund&source=x", "is none of local, zoom"),
        ("q=refund&after=x", "no place in a list"),
    ],
)
async def test_a_mistake_is_told_on_the_page_and_to_programs(rosa: httpx.AsyncClient, golden: str, query: str, says: str) -> None:
    page = await rosa.get(f"/search?{query}")
    assert (page.status_code, says in page.text) == (200, True)
    answer = await rosa.get(f"/api/v1/search?{query.replace('after', 'cursor')}")
    assert (answer.status_code, says in answer.json()["detail"]) == (400, True)


async def test_programs_get_hits_and_the_place_to_go_on(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    for number in range(3):
        store_golden(appliance.database, appliance.settings, f"call{number}", T0 + number * 3_600_000, recorded=False)
    first = (await rosa.get("/api/v1/search?q=okay&limit=2")).json()
    assert [hit["call_id"] for hit in first["hits"]] == ["call2", "call1"]
    (passage,) = first["hits"][0]["passages"]
    assert passage["pieces"] == [{"text": "okay", "is_match": True}]
    assert (passage["party"], passage["start_ms"]) == ("agent", 16_500)
    rest = (await rosa.get("/api/v1/search", params={"q": "okay", "cursor": first["next"]})).json()
    assert ([hit["call_id"] for hit in rest["hits"]], rest["next"]) == (["call0"], None)
    assert (await rosa.get("/api/v1/search?q=okay&limit=0")).status_code == 400


async def test_the_id_of_a_call_leads_to_it(rosa: httpx.AsyncClient, golden: str) -> None:
    answer = await rosa.get("/search?q=golden")
    assert (answer.status_code, answer.headers["location"]) == (302, "/calls/golden")


async def test_nobody_searches_without_signing_in(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/api/v1/search?q=okay")).status_code == 401


async def test_the_api_describes_the_parameters_of_search(rosa: httpx.AsyncClient) -> None:
    described = (await rosa.get("/api/v1/openapi.json")).json()["paths"]["/api/v1/search"]["get"]
    assert {"q", "from", "to", "party", "agent", "queue", "language", "source", "cursor", "limit"} == {
        parameter["name"] for parameter in described["parameters"]
    }
