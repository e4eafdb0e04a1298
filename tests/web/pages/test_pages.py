"""Pages as a browser without scripts gets them: structure, words, the golden call's numbers, and what is refused."""

import datetime
import re
from html.parser import HTMLParser

import httpx
import pytest

from cc_voice.call.batch import LiveWords, MediaRefusal, StreamProgress
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.utterances import Utterance
from cc_voice.media import recordings
from cc_voice.store import batches, streams
from cc_voice.web.appliance import Appliance
from cc_voice.web.security_headers import HEADERS
from tests.call.golden import T0
from tests.fleet.conftest import spec
from tests.web.conftest import store_golden

HOUR_MS = 3_600_000
ALL = (
    "/live",
    "/calls",
    "/calls?words=nobody+said+this",
    "/calls/golden",
    "/calls/golden/1?metric=agent_talk_pct&i=2&t=5000",
    "/calls/live-call",
    "/not-analysed",
    "/search",
    "/search?q=okay&party=agent&from=2026-01-01",
    "/search?q=nobody",
    "/search?q=OR",
    "/reports",
    "/reports/agent-talk",
    "/account",
    "/password",
    "/login",
    "/nothing/here",
)


class Outline(HTMLParser):
    """What of a page accessibility and the content policy depend on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture
def in_progress(appliance: Appliance) -> str:
    """A call in progress: on hold since 4 s, heard by our recogniser and by Zoom."""
    call_id, stream_id = "live-call", "live-stream"
    appliance.database.write_now(
        lambda con: streams.open_stream(
            con,
            stream_id=stream_id,
            call_id=call_id,
            product="contact_center",
            instance_id="E2",
            app="sales",
            target="{}",
            language="en",
            started_unix_ms=T0,
        )
    )
    appliance.database.write_now(lambda con: streams.take(con, stream_id))
    appliance.dispatcher.board.open(spec(stream_id, call_id=call_id))
    say(appliance, ("c", 1000, "good morning <b>you</b>", "local"), ("c", 1100, "Good morning, you.", "zoom"))
    return call_id


def say(appliance: Appliance, *said: tuple[str, int, str, str]) -> None:
    """Let a worker deliver progress of the call in progress."""
    ana = Participant(channel_id="a", user_id="ana", display_name="Ana")
    batch = StreamProgress(
        call_id="live-call",
        stream_id="live-stream",
        epoch=1,
        product="contact_center",
        t0_unix_ms=T0,
        media_ms=9000,
        recognised_ms=7500,
        utterances=tuple(
            Utterance(channel_id=c, start_ms=at, end_ms=at + 1500, text=text, words=(), language="en", source=source)
            for c, at, text, source in said
        ),
        events=(
            CallEvent(at_ms=0, at_unix_ms=T0, name=EventName.USER_ANSWERED, participants=(ana,)),
            CallEvent(at_ms=4000, at_unix_ms=T0 + 4000, name=EventName.USER_HOLD, participants=(ana,)),
        ),
    )
    appliance.database.write_now(lambda con: batches.write_batch(con, batch, appliance.settings.site))


def speak(appliance: Appliance, text: str) -> None:
    """Let a worker tell what is being said on the agent's channel."""
    words = LiveWords(
        call_id="live-call",
        stream_id="live-stream",
        epoch=1,
        channel_id="a",
        start_ms=6000,
        end_ms=8000,
        text=text,
        language="en",
        is_final=False,
        left_unix_ms=T0,
    )
    appliance.dispatcher.board.take(words)


async def test_a_call_shows_what_the_other_recogniser_heard(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    store_golden(appliance.database, appliance.settings, call_id="twice", recorded=False, heard_twice=True)
    shown = text_of((await rosa.get("/calls/twice")).text)
    assert shown.count("Zoom heard it differently") == 2
    assert "Zoom heard it differently Word Word Word Word Word Word Word Word another, word. Not used: this site prefers" in shown
    assert "Our recogniser heard it differently" in shown
    assert "1 in Zoom’s words" in shown
    assert "Words heard differently" in shown
    call = (await rosa.get("/api/v1/calls/twice")).json()
    assert [line["unused_reason"] for line in call["unused"]].count("other_preferred") == 6
    assert call["call"]["compared_word_count"] == 47


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_every_page_can_be_read_by_everybody(rosa: httpx.AsyncClient, golden: str, in_progress: str) -> None:
    for path in ALL:
        answer = await rosa.get(path)
        assert answer.status_code == (404 if path == "/nothing/here" else 200), path
        check_outline(answer)


def check_outline(answer: httpx.Response) -> None:
    outline = Outline(answer.text)
    assert [attrs["lang"] for attrs in outline.all("html")] == ["en"]
    assert len(outline.all("h1")) == len(outline.all("main")) == answer.text.split("</head>")[0].count("<title>") == 1
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in outline.tags:
        if attrs.get("role") == "region":
            assert attrs.get("tabindex") == "0"
            assert attrs.get("aria-label")
    labelled = set(re.findall(r'<label[^>]*for="([^"]+)"', answer.text))
    for found in re.finditer(r"<(?:input|select)\b[^>]*>", answer.text):
        hidden = 'type="hidden"' in found[0] or 'aria-hidden="true"' in found[0]
        inside = answer.text.rfind("<label", 0, found.start()) > answer.text.rfind("</label>", 0, found.start())
        named = re.search(r'\bid="([^"]+)"', found[0])
        assert hidden or inside or (named is not None and named[1] in labelled), found[0]


async def test_every_page_keeps_the_content_policy(rosa: httpx.AsyncClient, golden: str, in_progress: str) -> None:
    sources = set()
    for path in ALL:
        answer = await rosa.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, path
        assert answer.headers["cache-control"] == "private, no-store", path
        outline = Outline(answer.text)
        assert not [attrs for _, attrs in outline.tags if any(name == "style" or name.startswith("on") for name in attrs)], path
        assert not outline.all("style"), path
        sources |= {attrs.get("src") or attrs.get("href") or "" for attrs in (*outline.all("script"), *outline.all("link"))}
    assert len(sources) > 1
    for source in sources:
        assert source.startswith("/static/")
        assert (await rosa.get(source)).status_code == 200, source


async def test_static_files_are_public_named_by_content_and_kept(stranger: httpx.AsyncClient) -> None:
    page = await stranger.get("/login")
    [sheet] = re.findall(r'href="(/static/[0-9a-f]{12}/app\.css)"', page.text)
    answer = await stranger.get(sheet)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert (await stranger.get(sheet.replace("app.css", "..%2F..%2Fservice.py"))).status_code == 404


async def test_the_first_page_is_live(rosa: httpx.AsyncClient) -> None:
    answer = await rosa.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/live")


# -- live --------------------------------------------------------------------------------------------------------------


async def test_live_shows_what_a_call_in_progress_does(rosa: httpx.AsyncClient, in_progress: str) -> None:
    html = (await rosa.get("/live")).text
    shown = text_of(html)
    assert f'href="/calls/{in_progress}"' in html
    assert "Ana Contact center" in shown
    assert "In progress 1 " in shown
    assert "On hold now 1 longest 0:05" in shown
    assert "Transcript lag 1.5 s" in shown
    assert "Leeds &lt;site&gt;" in html


async def test_an_idle_floor_says_so(rosa: httpx.AsyncClient) -> None:
    html = (await rosa.get("/live")).text
    assert '<div class="empty" id="empty">' in html
    assert "No call is in progress." in html


async def test_a_call_in_progress_shows_its_words_once(rosa: httpx.AsyncClient, in_progress: str) -> None:
    html = (await rosa.get(f"/calls/{in_progress}")).text
    assert "good morning &lt;b&gt;you&lt;/b&gt;" in html
    assert "Good morning, you." not in html
    assert "In progress" in html
    assert "On hold for 0:05" in text_of(html)


async def test_what_is_being_said_is_shown_and_stored_nowhere(
    rosa: httpx.AsyncClient, appliance: Appliance, in_progress: str
) -> None:
    speak(appliance, "can i have your <i>number</i>")
    html = (await rosa.get(f"/calls/{in_progress}")).text
    assert "can i have your &lt;i&gt;number&lt;/i&gt;" in html
    assert 'class="utt agent saying"' in html
    assert "can i have your &lt;i&gt;number&lt;/i&gt;" in (await rosa.get("/live")).text
    [call] = (await rosa.get("/api/v1/live")).json()["calls"]
    assert [words["text"] for words in call["saying"]] == ["can i have your <i>number</i>"]
    found = appliance.database.read_now(lambda con: con.execute("select text from fact_utterance").fetchall())
    assert not [text for (text,) in found if "number" in text]
    speak(appliance, "")
    assert "number" not in (await rosa.get(f"/calls/{in_progress}")).text


async def test_of_a_long_sentence_the_floor_shows_the_end(rosa: httpx.AsyncClient, appliance: Appliance, in_progress: str) -> None:
    speak(appliance, " ".join(f"word{number}" for number in range(60)))
    html = (await rosa.get("/live")).text
    assert "word59" in html
    assert "word1 " not in html


async def test_health_tells_the_worst_lag(stranger: httpx.AsyncClient, in_progress: str) -> None:
    assert (await stranger.get("/healthz")).json()["lag_ms"] == 1500


async def test_a_call_that_goes_on_without_hold_says_nothing_of_it(
    rosa: httpx.AsyncClient, appliance: Appliance, in_progress: str
) -> None:
    appliance.database.write_now(lambda con: con.execute("update stream set held_since_ms = null"))
    assert "On hold" not in (await rosa.get(f"/calls/{in_progress}")).text


async def test_an_unknown_call_is_not_found(rosa: httpx.AsyncClient, golden: str) -> None:
    for path in ("/calls/unknown", "/calls/golden/2", "/calls/golden/0", "/calls/unknown/events", "/calls/golden/x"):
        answer = await rosa.get(path)
        assert answer.status_code == 404, path
        assert "There is no" in answer.text or "Not found" in answer.text or "no such leg" in answer.text


# -- the list ----------------------------------------------------------------------------------------------------------


async def test_the_list_shows_calls_and_the_ratio_of_sums(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/calls")).text
    shown = text_of(html)
    assert 'href="/calls/golden"' in html
    assert "Calls 1 1 leg" in shown
    assert "Agent talk 51.6 %" in shown
    assert "1 to 1 of 1" in shown
    local = datetime.datetime.fromtimestamp(T0 / 1000, datetime.UTC) + datetime.timedelta(hours=2)
    assert f"{local.day} {local:%b %H:%M}" in shown, "times are the site's"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("agent=ana", 1),
        ("agent=nobody", 0),
        ("product=contact_center&language=en", 1),
        ("min_length=1:00", 1),
        ("min_length=1:01", 0),
        ("words=okay", 1),
        ("words=okay+nonsense", 0),
        ("from=2026-09-21&to=2026-09-21", 1),
        ("from=2026-09-22", 0),
        ("to=2026-09-20", 0),
    ],
)
async def test_filters_narrow_the_list_and_stay_in_the_form(rosa: httpx.AsyncClient, golden: str, query: str, found: int) -> None:
    html = (await rosa.get(f"/calls?{query}")).text
    assert html.count('href="/calls/golden"') == found
    assert ("No call matches these filters." in html) == (found == 0)
    for value in re.findall(r"=([^&]+)", query):
        assert f'value="{value.replace("+", " ")}"' in html


async def test_a_filter_that_cannot_be_read_is_told_and_ignored(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/calls?from=yesterday&min_length=long")).text
    assert "“yesterday” is not a date" in html
    assert "“long” is not a length" in html
    assert 'href="/calls/golden"' in html


async def test_the_list_has_pages(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    for number in range(51):
        store_golden(appliance.database, appliance.settings, f"call{number:02}", T0 + number * HOUR_MS, recorded=False)
    first = (await rosa.get("/calls?agent=ana")).text
    assert "1 to 50 of 51" in first
    assert 'rel="prev"' not in first
    [following] = re.findall(r'rel="next" href="([^"]+)"', first)
    second = (await rosa.get(f"/calls{following.replace('&amp;', '&')}")).text
    assert "51 to 51 of 51" in second
    assert 'href="/calls/call00"' in second
    assert 'rel="next"' not in second
    beyond = (await rosa.get("/calls?agent=ana&page=99999")).text
    assert "51 to 51 of 51" in beyond
    assert 'rel="prev" href="?agent=ana"' in beyond


async def test_a_list_without_calls_has_one_page(rosa: httpx.AsyncClient) -> None:
    html = (await rosa.get("/calls?page=99999")).text
    assert "No call has been stored yet." in html
    assert 'rel="prev"' not in html


async def test_the_id_of_a_call_in_the_search_field_leads_to_it(rosa: httpx.AsyncClient, golden: str) -> None:
    answer = await rosa.get("/calls?words=golden")
    assert answer.headers["location"] == "/calls/golden"


# -- one call ----------------------------------------------------------------------------------------------------------


def value_of(html: str, column: str) -> str:
    row = re.search(rf'popovertarget="f-{column}".*?</tr>', html, re.DOTALL)
    assert row is not None, column
    return text_of(row[0].split("</th>")[1]).strip()


GOLDEN = (
    ("agent_talk_pct", "51.6 % 6"),
    ("customer_talk_pct", "28.6 % 5"),
    ("talk_ratio_agent", "64.4 % 11"),
    ("silence_pct", "23.7 % 10"),
    ("long_silence_count", "1 1"),
    ("longest_silence_ms", "4.5 s 1"),
    ("dead_air_ms", "0.0 s 0"),
    ("overtalk_count", "3 3"),
    ("interruptions_agent", "0 0"),
    ("interruptions_customer", "1 1"),
    ("greeting_latency_ms", "1.5 s 1"),
    ("wpm_agent", "157 wpm 6"),
    ("longest_monologue_ms_agent", "0:10"),
    ("hold_ms", "0:10 1"),
    ("cust_speech_on_hold_ms", "1.5 s 1"),
    ("acw_ms", "— Wrap-up time has not been imported"),
    ("qa_obstacle", "none"),
    ("asr_conf_mean", "0.90"),
)
"""What the page says of a metric begins so."""


async def test_the_golden_call_shows_its_numbers(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/calls/golden")).text
    shown = [(column, value_of(html, column), value) for column, value in GOLDEN]
    assert [(column, found, value) for column, found, value in shown if not found.startswith(value)] == []


async def test_a_number_opens_the_intervals_it_was_made_from(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/calls/golden/1?metric=interruptions_customer")).text
    evidence = html.split('id="evidence"')[1].split("</ul>")[0]
    assert "0:13 – 0:14" in evidence
    assert "interruption by customer, taken" in evidence
    assert evidence.count("<li") == 1
    assert html.count('aria-expanded="true"') == 1
    assert 'data-at="13200"' in html
    marks = html.split('id="marks"')[1].split("</g>")[0]
    assert marks.count("<rect") == 1
    assert 'x="22.000%" width="1.333%"' in marks


async def test_an_interval_of_the_evidence_is_an_address(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/calls/golden/1?metric=agent_talk_pct&i=1")).text
    assert 'data-at="10200"' in html
    assert html.count('<li class="on">') == 1
    assert 'data-at="5000"' in (await rosa.get("/calls/golden/1?metric=agent_talk_pct&i=1&t=5000")).text


@pytest.mark.parametrize(
    "query", ["metric=nonsense", "metric=acw_ms", "metric=dead_air_ms", "t=-5", "t=99999999", "i=900", "t=1e9"]
)
async def test_an_address_that_means_nothing_shows_the_call(rosa: httpx.AsyncClient, golden: str, query: str) -> None:
    answer = await rosa.get(f"/calls/golden?{query}")
    assert answer.status_code == 200
    at_ms = int(re.findall(r'data-at="(\d+)"', answer.text)[0])
    assert 0 <= at_ms <= 60_000


async def test_the_transcript_has_words_with_times_and_the_hold_between_them(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/calls/golden")).text
    transcript = html.split('<ol class="transcript">')[1].split("</ol>")[0]
    starts = [int(start) for start in re.findall(r'data-start="(\d+)"', transcript)]
    assert starts == sorted(starts)
    assert transcript.count('class="utt agent"') == 6
    assert '<span class="w" data-s="16500" data-e="17000">okay</span>' in transcript
    before, after = transcript.split("Hold, 0:10")
    assert 'data-start="22000"' in before
    assert 'data-start="41000"' in after
    assert "on hold" in after


async def test_lanes_shade_hold_and_overtalk_to_scale(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/calls/golden")).text
    lane = html.split('aria-label="Agent waveform"')[1].split("</svg>")[0]
    assert '<rect class="f-hold" x="50.000%" width="16.667%" y="0" height="100%"><title>Hold, 0:10</title></rect>' in lane
    assert '<rect class="f-over-band" x="22.000%" width="1.333%"' in lane


async def test_a_call_without_recording_says_so(rosa: httpx.AsyncClient, golden: str, appliance: Appliance) -> None:
    recordings.delete_stream(appliance.settings.recordings_dir, golden, f"{golden}-s")
    html = (await rosa.get("/calls/golden")).text
    assert "There is no recording of this call." in html
    assert "data-audio" not in html
    assert "audio.flac" not in html


# -- reports -----------------------------------------------------------------------------------------------------------


async def test_a_report_is_answered_for_its_defaults_and_for_what_is_asked(rosa: httpx.AsyncClient, golden: str) -> None:
    assert "Choose a question." in (await rosa.get("/reports")).text
    html = (await rosa.get("/reports/agent-talk?since=2026-09-01&until=2026-09-30")).text
    table = html.split("<tbody>")[1].split("</tbody>")[0]
    assert "ana" in table
    assert "51.6" in table
    told = "agent_talk_pct_ros in the CSV: 100 · Σ talk_ms_agent ÷ Σ analysed_ms over the day’s legs".replace("’", "&#39;")
    assert f'<th scope="col" title="{told}" class="num">Agent talk, %</th>' in html
    assert "scroll sideways for the last ones" in html
    assert "/api/v1/reports/agent-talk?since=2026-09-01&amp;until=2026-09-30&amp;format=csv" in html


async def test_a_report_of_legs_measured_in_different_ways_says_so(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    for number in range(2):
        store_golden(appliance.database, appliance.settings, f"call{number}", T0 + number * 3_600_000)
    asked = "/reports/agent-talk?since=2026-09-01&until=2026-09-30"
    assert 'role="note"' not in (await rosa.get(asked)).text
    appliance.database.write_now(lambda con: con.execute("update fact_leg set detector = '<old>' where call_id = 'call0'"))
    html = (await rosa.get(asked)).text
    told = html.split('<p class="alert warn" role="note">')[1].split("</p>")[0]
    assert told.startswith("Legs measured in different ways: 2 detectors of speech: &lt;old&gt; in 1 leg, ")


async def test_totals_say_how_many_legs_leave_in_doubt_who_spoke(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    store_golden(appliance.database, appliance.settings)
    assert "in doubt" not in (await rosa.get("/calls")).text
    appliance.database.write_now(lambda con: con.execute("update fact_leg set qa_obstacle = 'echo'"))
    totals = (await rosa.get("/calls")).text.split('<dl class="kpis"')[1].split("</dl>")[0]
    assert "1 in doubt" in totals
    assert totals.count('<span class="u">%</span>') == 1, "of hold alone"
    assert (await rosa.get("/api/v1/calls")).json()["total"]["left_out"] == 1


async def test_a_parameter_that_is_wrong_is_told(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/reports/agent-talk?since=yesterday")).text
    assert 'role="alert"' in html
    assert "yesterday" in html
    assert (await rosa.get("/reports/unknown")).status_code == 404


# -- errors ------------------------------------------------------------------------------------------------------------


async def test_a_fault_of_ours_tells_nothing_of_itself(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    appliance.database.write_now(lambda con: con.execute("drop table fact_leg cascade"))
    for path in ("/calls", "/api/v1/calls"):
        answer = await rosa.get(path)
        assert answer.status_code == 500
        assert "fact_leg" not in answer.text
        assert "Something is broken" in answer.text


async def test_a_closed_store_is_told_from_a_fault(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    appliance.database.close()
    answer = await rosa.get("/calls")
    assert answer.status_code == 503
    assert "The store does not answer" in answer.text
    assert (await rosa.get("/healthz")).json()["store"] is False


# -- media that Zoom does not send -------------------------------------------------------------------------------------

REFUSED = MediaRefusal(media="transcript", error="the app has no scope for <this> media type")
REFUSED_AS_TOLD = "No transcript from Zoom: the app has no scope for &lt;this&gt; media type"


async def test_a_call_in_progress_says_what_zoom_does_not_send(
    rosa: httpx.AsyncClient, appliance: Appliance, in_progress: str
) -> None:
    batch = StreamProgress(call_id=in_progress, stream_id="live-stream", epoch=1, product="contact_center", refused=(REFUSED,))
    appliance.database.write_now(lambda con: batches.write_batch(con, batch, appliance.settings.site))
    for path in ("/live", f"/calls/{in_progress}"):
        assert REFUSED_AS_TOLD in (await rosa.get(path)).text, path
    [call] = (await rosa.get("/api/v1/live")).json()["calls"]
    assert call["refused"] == [{"media": "transcript", "error": REFUSED.error}]


async def test_a_measured_call_says_what_zoom_did_not_send(
    rosa: httpx.AsyncClient, appliance: Appliance, in_progress: str, golden: str
) -> None:
    assert "No transcript from Zoom" not in (await rosa.get("/calls/golden")).text
    batch = StreamProgress(call_id=in_progress, stream_id="live-stream", epoch=1, product="contact_center", refused=(REFUSED,))
    appliance.database.write_now(lambda con: batches.write_batch(con, batch, appliance.settings.site))
    appliance.database.write_now(lambda con: con.execute("update stream set call_id = ?", [golden]))
    assert REFUSED_AS_TOLD in (await rosa.get("/calls/golden")).text
    found = (await rosa.get("/api/v1/calls/golden")).json()
    assert found["refused"] == [{"media": "transcript", "error": REFUSED.error}]
