"""Picture feeds: whose camera is shown when, and which picture is due, as values."""

import hashlib

import numpy as np

from cc_voice.simulator.media.picture_feeds import Cameras, PictureFeed, screen
from cc_voice.simulator.parameters import PictureTerms
from cc_voice.simulator.scenario import Party, ScriptChannel
from cc_voice.simulator.wire import Media, WireCodec

TERMS = PictureTerms(codec=WireCodec.PNG, width=4, height=2, fps=5)


def speaker(key: str, spans: list[tuple[int, int]], *, start_ms: int = 0, end_ms: int = 4000) -> ScriptChannel:
    samples = np.zeros(end_ms * 16, dtype="<i2")
    for begin, end in spans:
        samples[begin * 16 : end * 16] = 5000
    return ScriptChannel(who=Party(user_id=key), key=key, pcm=samples.tobytes(), start_ms=start_ms, end_ms=end_ms)


def feed_of(whose, pieces=(b"key", b"b", b"c"), terms: PictureTerms = TERMS) -> PictureFeed:
    feed = PictureFeed(Media.VIDEO, whose)
    feed.agreed(terms, pieces)
    feed.begin(0)
    return feed


def test_pictures_come_at_their_rate_and_are_counted():
    feed = feed_of(lambda at_ms: "1")
    shown = [*feed.take(300), *feed.take(1000)]
    assert [picture.at_ms for picture in shown] == [0, 200, 400, 600, 800, 1000]
    assert [picture.data for picture in shown] == [b"key", b"b", b"c", b"key", b"b", b"c"]
    assert not list(feed.take(1000))
    sent = feed.sent()
    assert (sent.kind, sent.pictures, sent.bytes) == ("video", 6, 10)
    assert sent.sha256 == hashlib.sha256(b"keybckeybc").hexdigest()


def test_pictures_are_not_buffered():
    feed = feed_of(lambda at_ms: "1")
    assert [picture.at_ms for picture in feed.take(10_000)] == [9000, 9200, 9400, 9600, 9800, 10_000]


def test_a_new_link_and_a_new_face_begin_with_a_key_frame():
    feed = feed_of(lambda at_ms: "1" if at_ms < 600 else "2")
    assert [(picture.key, picture.data) for picture in feed.take(800)] == [
        *(("1", b"key"), ("1", b"b"), ("1", b"c")),
        *(("2", b"key"), ("2", b"b")),
    ]
    feed.begin(810)
    assert [(picture.at_ms, picture.data) for picture in feed.take(1200)] == [(1000, b"key"), (1200, b"b")]


def test_nobody_shown_is_nothing_sent():
    feed = feed_of(lambda at_ms: None)
    assert not list(feed.take(1000))
    assert feed.next_due_ms() > 1000, "and the clock goes on"


def test_the_camera_follows_who_speaks():
    cameras = Cameras([speaker("1", [(2000, 2500)]), speaker("2", [(1000, 1500)], end_ms=3000)])
    assert [cameras.at(at_ms) for at_ms in (0, 700, 1200, 1900, 2300, 3900)] == ["1", "1", "2", "1", "1", "1"]


def test_a_silent_meeting_shows_the_first_party():
    assert Cameras([speaker("1", []), speaker("2", [])]).at(5) == "1"


def test_one_participant_at_a_time_while_it_is_there():
    cameras = Cameras([speaker("1", [(0, 4000)]), speaker("2", [], start_ms=1000, end_ms=2000)])
    cameras.individual = True
    assert cameras.at(1500) is None
    cameras.watched = "2"
    assert [cameras.at(at_ms) for at_ms in (999, 1000, 1999, 2000)] == [None, "2", "2", None]
    cameras.watched = "3"
    assert cameras.at(1500) is None


def test_the_first_party_shares_its_screen():
    whose = screen([speaker("1", [], start_ms=100, end_ms=200), speaker("2", [])])
    assert [whose(at_ms) for at_ms in (99, 100, 199, 200)] == [None, "1", "1", None]
