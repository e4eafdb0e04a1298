"""One call with everything behind it."""

import msgspec

from cc_voice.store import batches, calls
from cc_voice.store.database import Database
from tests.store.conftest import SITE, golden


def test_one_call_comes_with_everything_behind_it(database: Database) -> None:
    batch = golden()
    loud = tuple(msgspec.structs.replace(u, loudness_mean=50.0 + u.seq) for u in batch.call.utterances)
    batch = msgspec.structs.replace(batch, call=msgspec.structs.replace(batch.call, utterances=loud))
    database.write_now(lambda con: batches.write_batch(con, batch, SITE))
    found = database.read_now(lambda con: calls.load_call(con, "golden"))
    assert found is not None
    assert (found.call.duration_ms, found.call.language, found.call.leg_count) == (60_000, "en", 1)
    assert found.channels == {"a": "agent", "c": "customer"}
    [leg] = found.legs
    assert (leg.metrics["agent_name"], leg.metrics["talk_ms_agent"]) == ("ana", 25_300)
    assert set(leg.reasons) == {row.metric for row in batch.call.null_reasons}
    assert all(leg.metrics[name] is None for name in leg.reasons)
    unexplained = {name for name, value in leg.metrics.items() if value is None} - set(leg.reasons)
    assert unexplained <= {
        "agent_name",
        "agent_user_id",
        "queue_id",
        "queue_name",
        "detector",
        "asr_model",
        "sentiment_model",
        "policies",
    }
    assert len(leg.intervals) == len(batch.call.intervals)
    assert [u.text for u in found.utterances] == [u.text for u in batch.call.utterances]
    assert [u.loudness_mean for u in found.utterances] == [u.loudness_mean for u in batch.call.utterances]
    assert [len(u.words) for u in found.utterances] == [u.word_count for u in batch.call.utterances]
    assert [(u.unused_reason, u.used_utterance_id, u.text) for u in found.unused] == [
        (u.unused_reason, u.used_utterance_id, u.text) for u in batch.call.unused_utterances
    ]
    assert [len(u.words) for u in found.unused] == [u.word_count for u in batch.call.unused_utterances]
    assert (found.call.compared_word_count, found.call.differing_word_count) == (47, 5)
    assert leg.metrics["word_disagreement_pct"] == found.call.word_disagreement_pct
    assert found.events[0].event_name == "consumer_answered"
    msgspec.json.encode(found)  # what the API sends


def test_channels_are_those_of_a_measured_call(database: Database) -> None:
    database.write_now(
        lambda con: con.execute("insert into fact_channel (call_id, channel_id, party) values ('golden', 'a', 'agent')")
    )
    assert database.read_now(lambda con: calls.load_channels(con, "golden")) is None  # still going on
    database.write_now(lambda con: batches.write_batch(con, golden(), SITE))
    assert database.read_now(lambda con: calls.load_channels(con, "golden")) == {"a": "agent", "c": "customer"}
    assert database.read_now(lambda con: calls.load_channels(con, "nothing")) is None
