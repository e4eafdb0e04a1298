"""Access tokens: golden requests, what is made of any answer, how long a token serves, and that nothing shows a secret."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.rtms.rest.tokens import EARLY_S, LIFE_S, ApiCredentials, HttpRequest, Token, read_token, sdk_token, token_request

NOW_S = 1_790_000_000.0
CREDENTIALS = ApiCredentials(key="demoClientId01", secret="demoClientSecret01", account_id="acct Demo/01")


def test_the_request_for_an_accounts_token() -> None:
    request = token_request(CREDENTIALS)
    assert request.method == "POST"
    assert request.path == "/oauth/token?grant_type=account_credentials&account_id=acct%20Demo%2F01"
    assert request.authorization == "Basic ZGVtb0NsaWVudElkMDE6ZGVtb0NsaWVudFNlY3JldDAx"
    assert request.body == b""


def test_the_answer_of_the_document_is_a_token_for_an_hour() -> None:
    body = b'{"access_token":"tok-1","token_type":"bearer","expires_in":3600,"scope":"a b"}'
    assert read_token(body, NOW_S) == Token(value="tok-1", expires_at_s=NOW_S + 3600)


@pytest.mark.parametrize(
    ("expires_in", "life_s"),
    [
        ('"1800"', 1800),
        ("1800.5", 1800.5),
        ("-5", 0),
        ("null", LIFE_S),
        ("true", LIFE_S),
        ('"soon"', LIFE_S),
        ("1e300", 24 * LIFE_S),
    ],
)
def test_odd_lives_of_a_token(expires_in: str, life_s: float) -> None:
    token = read_token(b'{"access_token":"t","expires_in":' + expires_in.encode() + b"}", NOW_S)
    assert token == Token(value="t", expires_at_s=NOW_S + life_s)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>proxy</html>",
        b"[]",
        b"{}",
        b'{"access_token":""}',
        b'{"access_token":7}',
        b'{"access_token":"a\\r\\nHost: x"}',
        b'{"access_token":"a b"}',
        '{"access_token":"tök"}'.encode(),
        b"[" * 100_000,
    ],
)
def test_what_holds_no_token_is_none(body: bytes) -> None:
    assert read_token(body, NOW_S) is None


@given(st.binary(max_size=64))
def test_no_answer_raises(body: bytes) -> None:
    assert read_token(body, NOW_S) is None


@given(st.floats(0, 1e6), st.floats(-1e6, 1e6))
def test_a_token_serves_until_a_minute_before_it_expires(life_s: float, later_s: float) -> None:
    token = Token(value="t", expires_at_s=NOW_S + life_s)
    now_s = NOW_S + later_s
    assert token.serves(now_s) == (token.expires_at_s - now_s > EARLY_S)


def test_the_edge_of_a_tokens_life() -> None:
    token = Token(value="t", expires_at_s=NOW_S + 3600)
    assert token.serves(NOW_S + 3539.9)
    assert not token.serves(NOW_S + 3540)


def part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
def test_a_token_for_the_video_sdk_is_a_signed_jwt(key: str, secret: str) -> None:
    token = sdk_token(ApiCredentials(key=key, secret=secret), NOW_S)
    header, claims, signature = token.value.split(".")
    assert part(header) == {"alg": "HS256", "typ": "JWT"}
    assert part(claims) == {"iss": key, "iat": 1_789_999_970, "exp": 1_790_003_600}
    expected = hmac.new(secret.encode(), f"{header}.{claims}".encode(), hashlib.sha256).digest()
    assert signature == base64.urlsafe_b64encode(expected).decode().rstrip("=")
    assert token.expires_at_s == 1_790_003_600


def test_nothing_shows_a_secret() -> None:
    secrets = ("demoClientSecret01", "ZGVtb0", "tok-1")
    request = HttpRequest(method="PUT", path="/x?account_id=a", authorization="Bearer tok-1", body=b"{}")
    shown = repr([CREDENTIALS, token_request(CREDENTIALS), request, Token(value="tok-1", expires_at_s=1)])
    assert [secret for secret in secrets if secret in shown] == []
