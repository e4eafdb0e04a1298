"""`cc-voice bench webhook`, short: a real service, one call, a few webhooks; and what the sender sends."""

import json
import subprocess
import sys

import msgspec
import pytest

from cc_voice.bench import webhook_sender
from cc_voice.fleet.webhook_rows import needs_action
from cc_voice.rtms.webhooks import Stopped, parse_webhook
from tests.conftest import PATIENCE_S


@pytest.mark.nightly
def test_a_few_webhooks_are_answered_and_counted() -> None:
    options = ["--stored", "20", "--calls", "1", "--requests", "40", "--rate", "20", "--attacked", "--json"]
    command = [sys.executable, "-m", "cc_voice", "bench", "webhook", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=5 * PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    score = json.loads(done.stdout)
    assert score["statuses"] == {"200": 40}
    assert (score["stored_calls"], score["calls"], score["requests"], score["rate"]) == (20, 1, 40, 20.0)
    assert 0 < score["p50_ms"] <= score["p95_ms"] <= score["p99_ms"] <= score["most_ms"]
    assert score["over_3_s"] <= 40
    assert score["service_cpu_pct"] > 0
    assert score["sender_cpu_ms"] > 0
    assert score["audio_lost_s"] == 0 < score["audio_sent_s"]
    assert set(score["repelled"]["logins"]) <= {"403", "413", "0"}, "a form of megabytes is refused, or the line closed on it"
    assert set(score["repelled"]["questions"]) <= {"200", "422", "429"}
    assert sum(score["repelled"]["logins"].values()) > 0 < score["repelled"]["questions"]["429"], "twelve at once are too many"


def test_of_ten_webhooks_one_is_a_repetition_and_two_are_of_streams() -> None:
    bodies = [webhook_sender.body(number) for number in range(1000)]
    assert len(set(bodies)) == 900
    assert sum(isinstance(parse_webhook(body), Stopped) for body in bodies) == 200
    assert all(needs_action(parse_webhook(body)) for body in bodies)
    assert all(msgspec.json.decode(body)["payload"] for body in bodies)
