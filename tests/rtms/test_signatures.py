"""HMACs: the vectors of section 3, and that what was signed with one secret verifies with that one only."""

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.rtms.signatures import handshake_signature, verify_webhook, webhook_signature

STREAM = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SECRETS = ["first", "second", "third"]


def test_the_vectors_of_the_document() -> None:
    def signed(instance_id: str) -> str:
        return handshake_signature("demoClientId01", "demoClientSecret01", instance_id, STREAM)

    assert signed("8b1cQ2mTSeOq7Zx0abcd12==") == "1ffa7fd432985424f446bf5bf2165cb7c86c0f14f4f8e410a9339d2b1a83493a"
    assert signed("ENGdemo_7Yw2kQ") == "b282471420f80798ddbfc0cdcc54264fc08b2e689b123716aba4f7619e85b365"


@given(st.binary(max_size=64), st.integers(0, 10**10), st.integers(0, 2))
def test_a_webhook_verifies_with_the_secret_that_signed_it(body: bytes, now_s: int, number: int) -> None:
    timestamp = str(now_s)
    signature = webhook_signature(SECRETS[number], timestamp, body)
    assert verify_webhook(body, timestamp, signature, SECRETS, now_s) == number
    others = [secret for secret in SECRETS if secret != SECRETS[number]]
    assert verify_webhook(body, timestamp, signature, others, now_s) is None
    assert verify_webhook(body + b" ", timestamp, signature, SECRETS, now_s) is None


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_headers_are_refused_not_raised_at(timestamp: str, signature: str) -> None:
    assert verify_webhook(b"{}", timestamp, signature, SECRETS, 1_790_000_000.0) is None


def test_an_empty_secret_verifies_nothing() -> None:
    """A misconfigured app must not let everybody in."""
    assert verify_webhook(b"{}", "1790000000", webhook_signature("", "1790000000", b"{}"), [""], 1_790_000_000.0) is None
