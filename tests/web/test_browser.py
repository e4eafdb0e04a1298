"""The pages in chromium: what scripts add, that nothing breaks the content policy, that no page is too wide for a phone."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cc_voice.config import settings as configuration
from cc_voice.config.settings import Settings
from cc_voice.store.database import Database
from cc_voice.web.access.accounts import Accounts
from tests.call.golden import T0
from tests.conftest import PATIENCE_S
from tests.web.conftest import ALL, APPS, CHEAP, PASSWORD, store_golden

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium")
PAGES = (
    "/live",
    "/calls",
    "/calls/golden",
    "/calls/golden/1?metric=agent_talk_pct",
    "/calls/twice",
    "/not-analysed",
    "/reports",
    "/reports/agent-talk",
    "/account",
    "/admin/overview",
    "/admin/queues",
    "/admin/policies/thresholds",
    "/admin/models",
    "/admin/exports",
    "/admin/system",
    "/admin/users",
    "/admin/users/rosa",
    "/admin/audit",
    "/password",
)
NEW_PAGES = ("/account", "/api/v1/docs", *(path for path in PAGES if path.startswith("/admin/")))
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with the golden call in its store."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    folder = tmp_path_factory.mktemp("site")
    site = Settings(data_dir=folder, listen="127.0.0.1:0", apps=APPS, workers=1, site_name="Test site")
    database = Database.open(site.database_path)
    store_golden(database, site)
    store_golden(database, site, "other", T0 - 86_400_000)
    store_golden(database, site, "twice", T0 - 2 * 86_400_000, heard_twice=True)
    database.close()
    accounts = Accounts(folder / "auth.sqlite", CHEAP)
    accounts.create("rosa", PASSWORD, "admin", must_change=False, access=ALL)
    accounts.close()
    config = folder / "site.json"
    config.write_bytes(configuration.dumps(site))
    command = [sys.executable, "-m", "cc_voice", "serve", "--config", str(config)]
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ), start_new_session=True)
    deadline = time.monotonic() + PATIENCE_S
    while not (folder / "address").exists():
        assert process.poll() is None, (folder / "service.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield (folder / "address").read_text().strip()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0, "a browser with open pages must not hold the service up"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=PATIENCE_S * 1000)
        yield browser
        browser.close()


def opened_in(chromium: Any, **options: Any) -> Any:
    """Return a context that is as patient as all tests are."""
    context = chromium.new_context(**options)
    context.set_default_timeout(PATIENCE_S * 1000)
    return context


@pytest.fixture(scope="module")
def cookies(chromium: Any, url: str) -> Any:
    """What a browser keeps of somebody who signed in by the form, once for all pages of this module."""
    context = opened_in(chromium, base_url=url)
    opened = context.new_page()
    opened.goto("/login?next=/calls")
    opened.get_by_label("User name").fill("rosa")
    opened.get_by_label("Password").fill(PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
    opened.wait_for_url("**/calls")
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def page(chromium: Any, url: str, cookies: Any) -> Iterator[Any]:
    """A signed-in page; afterwards nothing may have complained: no script error, no violation of the content policy."""
    context = opened_in(chromium, base_url=url, viewport={"width": 1440, "height": 900}, storage_state=cookies)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto("/calls")
    opened.request.post("/theme", form={"theme": ""}, headers={"origin": url})
    yield opened
    context.close()
    assert complaints == []


def at_ms(page: Any) -> float:
    """Where the playhead stands."""
    share = float(page.locator("[data-playhead]").get_attribute("x1").removesuffix("%"))
    return share / 100 * int(page.locator("[data-player]").get_attribute("data-total"))


def test_from_the_list_to_the_seconds_behind_a_number(page: Any) -> None:
    page.locator("a[href='/calls/golden']").click()
    page.get_by_role("heading", level=1, name="golden").wait_for()
    page.locator("[data-wave=agent] path").wait_for(state="attached")
    door = page.locator("[data-column=interruptions_customer]")
    assert door.get_attribute("aria-expanded") == "false"
    door.click()
    page.locator("#evidence").wait_for()
    assert page.locator("#evidence li").count() == 1
    assert "interruption by customer, taken" in page.locator("#evidence").inner_text()
    assert page.locator("#marks rect.on").count() == 1
    assert at_ms(page) == pytest.approx(13_200, abs=5)
    assert "metric=interruptions_customer" in page.url
    assert page.locator(":focus").get_attribute("data-column") == "interruptions_customer"
    page.reload()
    assert page.locator("#evidence li.on").count() == 1
    page.locator("[data-column=interruptions_customer]").click()
    page.locator("#evidence").wait_for(state="detached")
    assert page.locator("#marks rect").count() == 0


def test_evidence_is_walked_with_keys_and_shows_where_it_is(page: Any) -> None:
    page.goto("/calls/golden")
    page.locator("[data-column=agent_talk_pct]").click()
    page.locator("#evidence").wait_for()
    starts = [2500, 10_200, 14_000]
    assert at_ms(page) == pytest.approx(starts[0], abs=5)
    page.keyboard.press("n")
    assert at_ms(page) == pytest.approx(starts[1], abs=5)
    assert page.locator("#evidence li").nth(1).get_attribute("class") == "on"
    page.keyboard.press("p")
    page.keyboard.press("p")
    assert at_ms(page) == pytest.approx(55_000, abs=5), "walking goes round"
    assert "i=5" in page.url


def test_a_line_of_the_transcript_is_where_the_playhead_goes(page: Any) -> None:
    page.goto("/calls/golden")
    page.locator(".utt[data-start='41000'] time").click()
    assert at_ms(page) == pytest.approx(41_000, abs=5)
    assert page.locator(".utt.now").get_attribute("data-start") == "41000"
    assert page.locator(".w-now").count() == 1
    page.keyboard.press("ArrowRight")
    assert at_ms(page) == pytest.approx(46_000, abs=5)
    page.keyboard.press("Shift+ArrowLeft")
    assert at_ms(page) == pytest.approx(16_000, abs=5)
    page.keyboard.press("]")
    assert at_ms(page) == pytest.approx(16_500, abs=5)


def test_the_other_recognisers_version_opens_beside_its_line_and_moves_nothing(page: Any) -> None:
    page.goto("/calls/twice?t=41000")
    heard = page.locator(".utt[data-start='2500'] details")
    words = heard.get_by_text("another, word.")
    assert not words.is_visible()
    heard.locator("summary").click()
    words.wait_for()
    words.click()
    heard.locator("summary").press("Space")
    words.wait_for(state="hidden")
    assert at_ms(page) == pytest.approx(41_000, abs=5)
    page.locator("[data-column=word_disagreement_pct_customer]").click()
    page.locator("#evidence").wait_for()
    assert "26.7 % of the words heard differently" in page.locator("#evidence").inner_text()
    assert at_ms(page) == pytest.approx(13_000, abs=5)


def test_a_lane_is_a_time_line(page: Any) -> None:
    page.goto("/calls/golden")
    box = page.locator(".track.lane-wave").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 10)
    assert at_ms(page) == pytest.approx(45_000, abs=200)


def test_sound_plays_from_the_playhead_at_its_speed(page: Any) -> None:
    page.goto("/calls/golden?t=20000")
    page.locator("[data-speed]").select_option("2")
    page.locator("[data-volume=agent]").fill("0")
    play = page.locator("[data-play]")
    play.click()
    page.locator("[data-now]", has_text="0:21").wait_for(timeout=PATIENCE_S * 1000)
    assert play.get_attribute("aria-label") == "Pause"
    assert at_ms(page) > 20_500
    play.click()
    page.locator("[data-play][aria-pressed=false]").wait_for()
    stopped = at_ms(page)
    page.locator("[data-skip='-5000']").click()
    assert at_ms(page) == pytest.approx(stopped - 5000, abs=50)
    assert page.locator("[data-trouble]").inner_text() == ""


def test_the_meaning_of_a_metric_opens_beside_its_name(page: Any) -> None:
    page.goto("/calls/golden")
    page.get_by_role("button", name="Silence", exact=True).click()
    box = page.locator("#f-silence_pct")
    assert box.is_visible()
    place = box.bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 1440
    page.keyboard.press("Escape")
    assert not box.is_visible()


def test_a_live_page_says_that_it_is_live(page: Any) -> None:
    page.goto("/live")
    page.locator("[data-link].ok", has_text="Live").wait_for()
    assert "Workers" in page.locator("#kpis").inner_text()
    assert "No call is in progress." in page.locator("#empty").inner_text()


def test_colours_follow_the_choice_and_are_remembered(page: Any) -> None:
    page.goto("/calls")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(background) != light
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(background) == light


def test_slash_leads_to_the_search_field(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("okay")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=okay")
    assert page.locator("li.hit").count() == 3


def test_a_passage_is_heard_where_it_was_found(page: Any) -> None:
    page.goto("/search?q=okay")
    button = page.get_by_role("button", name="Play from").first
    with page.expect_response("**/audio.*"):
        button.click()
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") is None


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone_and_its_text_stands_out(page: Any, path: str) -> None:
    """Nothing scrolls sideways; text of normal size has 4.5 to 1 in both colour schemes (WCAG 1.4.3), wide and narrow."""
    page.goto(path)
    for size in (PHONE, {"width": 1440, "height": 900}):
        page.set_viewport_size(size)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # a change of colours that fades is at neither
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], (size, theme)
            assert page.evaluate("document.body.scrollWidth") <= size["width"], (size, theme)
            assert page.evaluate(FAINT) == [], (size, theme)


def test_every_question_is_in_sight_until_one_is_chosen(page: Any) -> None:
    """On a narrow screen the list stands above the answer: whole while there is none, a part of it beside one."""
    page.set_viewport_size(PHONE)
    hidden = "(() => { const list = document.querySelector('.listnav'); return list.scrollHeight - list.clientHeight; })()"
    page.goto("/reports")
    assert page.evaluate(hidden) == 0
    page.goto("/reports/days")
    assert page.evaluate(hidden) > 0
    assert page.locator("h2").is_visible()


@pytest.mark.parametrize(
    "paths",
    [NEW_PAGES, pytest.param([path for path in PAGES if path not in NEW_PAGES], marks=pytest.mark.nightly)],
    ids=["new", "others"],
)
def test_axe_finds_nothing_that_keeps_people_out(page: Any, paths: Sequence[str]) -> None:
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    axe = (Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text()
    found = []
    page.set_viewport_size(PHONE)
    for path in paths:
        page.goto(path)
        page.evaluate(axe)
        told = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        found += [(path, each["id"], [node["html"][:120] for node in each["nodes"]]) for each in told["violations"]]
    assert found == []


def test_without_scripts_everything_but_sound_works(chromium: Any, url: str) -> None:
    context = opened_in(chromium, base_url=url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/login?next=/calls/golden")
    page.get_by_label("User name").fill("rosa")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator("button[value=interruptions_customer]").click()
    assert page.locator("#evidence li").count() == 1
    assert page.locator("#marks rect").count() == 1
    page.locator(".utt .at").nth(3).click()
    assert "t=" in page.url
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.locator("html").get_attribute("data-theme") == "light"
    context.close()


FAINT = """() => {
  // Colours come as light-dark() resolved by the engine; a canvas turns each into four numbers.
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = colour => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = c => { const s = c / 255; return s <= .04045 ? s / 12.92 : ((s + .055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => .2126 * light(r) + .7152 * light(g) + .0722 * light(b);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (element.closest("svg, .sr, noscript, [popover]")) continue;
    const [a, b] = [luminance(rgba(getComputedStyle(element).color)), luminance(behind(element))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) faint.push(`${walk.currentNode.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return [...new Set(faint)];
}"""
