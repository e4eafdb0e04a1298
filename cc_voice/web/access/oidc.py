"""OpenID Connect: signing in with a provider, authorization code with PKCE; what the provider says, verified.

    begin     → the provider's address, with state, nonce and PKCE challenge; what they are of stays with the browser in a cookie
    finish    code → tokens, by the service itself; the ID token's signature, issuer, audience, nonce, times hold, or nobody enters
    end       → the provider's address for signing out there, too

The cookie is the browser's own (HttpOnly, ten minutes, for this path): who holds it began this sign-in. Kept here lost: strangers
could fill a table of pending sign-ins. It holds nothing that helps anybody else: the code is worthless without the verifier, the
verifier without the code. Keys are fetched again, once a minute at most, when a token names one that is not known.

    SignInElsewhereFailed    nobody enters; the message is for the person, `reason` for the log
"""

import asyncio
import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cc_voice.config.oidc_settings import OidcSettings

TIMEOUT_S = 10.0
MOST_BYTES = 1 << 20
"""Of an answer of the provider."""
FRESH_S = 3600.0
"""How long a discovery document counts."""
KEYS_EVERY_S = 60.0
LEEWAY_S = 60
COOKIE_S = 600
END_S = 3.0
"""How long signing out waits for the provider's discovery document: out of here is out."""
MOST_HINTS = 2000
"""ID tokens kept for signing out; without one a provider may ask the person."""
MOST_AT_ONCE = 8
"""Exchanges with the provider: strangers can begin as many as they like."""
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with keys of the provider. `none`, and HMAC with a secret that both sides have, are not among them."""


class SignInElsewhereFailed(Exception):
    """Nobody enters. The message is for the person; `reason` says what happened, without tokens, for the log."""

    def __init__(self, reason: str, message: str = "The sign-in provider did not let you in. Begin again.") -> None:
        super().__init__(message)
        self.reason = reason


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """A sign-in that was begun, as the browser's cookie keeps it."""

    state: str
    nonce: str
    verifier: str
    next: str


class _Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    id_token: str
    access_token: str | None = None


Decoded = TypeVar("Decoded")
_PENDING = msgspec.json.Decoder(Pending)
_DISCOVERY = msgspec.json.Decoder(_Discovery)
_TOKENS = msgspec.json.Decoder(_Tokens)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class OidcClient:
    """The site's side of one provider. Everything here is for the event loop."""

    def __init__(self, settings: OidcSettings, public_url: str, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._redirect_uri = f"{public_url.rstrip('/')}/login/oidc/callback"
        self._after_uri = f"{public_url.rstrip('/')}/login"
        self._clock = clock
        self._discovery: tuple[float, _Discovery] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._hints: dict[str, str] = {}
        self._lock = asyncio.Lock()
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def begin(self, next_path: str) -> tuple[str, str]:
        """Return where to send the browser, and the cookie that it keeps. Raises SignInElsewhereFailed."""
        provider = await self._provider()
        pending = Pending(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), next_path)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = provider.authorization_endpoint
        cookie = base64.urlsafe_b64encode(msgspec.json.encode(pending)).decode()
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}", cookie

    async def finish(self, query: Mapping[str, str], cookie: str, needed: frozenset[str]) -> tuple[dict[str, Any], str]:
        """Return what the provider says of who comes back, and where they wanted to go. Raises SignInElsewhereFailed.

        `needed` are the claims that are looked at: where the ID token lacks one, the provider's userinfo is asked.
        """
        pending = _pending(cookie)
        if not secrets.compare_digest(pending.state.encode(), query.get("state", "").encode()):
            raise SignInElsewhereFailed("the state is not the one that this browser was sent with")
        async with self._at_once:
            provider = await self._provider()
            issuer = query.get("iss")
            if issuer != provider.issuer and (issuer is not None or provider.authorization_response_iss_parameter_supported):
                raise SignInElsewhereFailed("the answer is of another issuer")
            if "error" in query:
                raise SignInElsewhereFailed(f"the provider says {query['error'][:80]!r}")
            if not query.get("code"):
                raise SignInElsewhereFailed("the answer has no code")
            tokens = await self._exchange(provider, query["code"], pending.verifier)
            claims = await self._verified(provider, tokens.id_token, pending.nonce)
            if needed - claims.keys() and provider.userinfo_endpoint and tokens.access_token:
                claims = await self._with_userinfo(provider.userinfo_endpoint, tokens.access_token, claims)
        self._hints.pop(claims["sub"], None)
        self._hints[claims["sub"]] = tokens.id_token
        if len(self._hints) > MOST_HINTS:
            del self._hints[next(iter(self._hints))]
        return claims, pending.next

    async def end(self, subject: str) -> str | None:
        """Return where a browser signs out at the provider (OpenID Connect RP-Initiated Logout), None where it cannot."""
        hint = self._hints.pop(subject, None)
        with contextlib.suppress(SignInElsewhereFailed, TimeoutError):
            async with asyncio.timeout(END_S):
                address = (await self._provider()).end_session_endpoint
            if address is not None:
                query = {"client_id": self.settings.client_id, "post_logout_redirect_uri": self._after_uri}
                query |= {} if hint is None else {"id_token_hint": hint}
                return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"
        return None

    async def _provider(self) -> _Discovery:
        async with self._lock:
            if self._discovery is not None and 0 <= self._clock() - self._discovery[0] < FRESH_S:
                return self._discovery[1]
            wanted = self.settings.issuer
            body = await self._ask("GET", f"{wanted.rstrip('/')}/.well-known/openid-configuration")
            found = _decoded(_DISCOVERY, body, "the discovery document")
            if found.issuer != wanted:
                raise SignInElsewhereFailed("the discovery document is of another issuer")
            places = [found.authorization_endpoint, found.token_endpoint, found.jwks_uri]
            places += filter(None, [found.userinfo_endpoint, found.end_session_endpoint])
            for place in places:
                self._check_place(place)
            self._discovery = (self._clock(), found)
            return found

    def _check_place(self, place: str) -> None:
        """Refuse an address to which a code or secret would go in the open."""
        parts = urlsplit(place)
        is_here = self.settings.allow_insecure and parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_here)):
            raise SignInElsewhereFailed("an address of the discovery document does not begin with https://")

    async def _exchange(self, provider: _Discovery, code: str, verifier: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self.settings.client_id,
            "code_verifier": verifier,
        }
        headers = {}
        if self.settings.client_secret_file is not None:
            secret = await asyncio.to_thread(_secret, Path(self.settings.client_secret_file))
            # Each part as in a form, then together as in HTTP: RFC 6749, 2.3.1
            pair = f"{quote(self.settings.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        body = await self._ask("POST", provider.token_endpoint, data=form, headers=headers)
        return _decoded(_TOKENS, body, "the answer to the code")

    async def _verified(self, provider: _Discovery, id_token: str, nonce: str) -> dict[str, Any]:
        """Return the claims of an ID token, all of it verified."""
        claims = await self._signed(provider, id_token)
        now_s = self._clock()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires, issued = claims.get("exp"), claims.get("iat")
        problems = (
            (claims.get("iss") != provider.issuer, "is of another issuer"),
            (self.settings.client_id not in audiences, "is for another client"),
            ("azp" in claims and claims["azp"] != self.settings.client_id, "was given to another client"),
            (len(audiences) > 1 and "azp" not in claims, "is for several clients and names none that it was given to"),
            (not isinstance(expires, int | float) or expires <= now_s - LEEWAY_S, "is over"),
            (not isinstance(issued, int | float) or issued > now_s + LEEWAY_S, "is of the future"),
            (not isinstance(claims.get("nonce"), str) or not _same(claims["nonce"], nonce), "is of another sign-in"),
            (not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255, "names nobody"),
        )
        if (problem := next((told for holds, told in problems if holds), None)) is not None:
            raise SignInElsewhereFailed(f"the ID token {problem}")
        return claims

    async def _signed(self, provider: _Discovery, id_token: str) -> dict[str, Any]:
        """Return the claims of a token that the provider signed; with keys fetched anew where it names an unknown one."""
        for again in (False, True):
            keys = await self._key_set(provider, again)
            try:
                return dict(jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims)
            except (JoseError, ValueError, TypeError) as error:
                failure = error
        raise SignInElsewhereFailed(f"the ID token is not signed by the provider ({type(failure).__name__})") from failure

    async def _key_set(self, provider: _Discovery, again: bool) -> KeySet:
        async with self._lock:
            known, now_s = self._keys, self._clock()
            if known is not None and 0 <= now_s - known[0] < (KEYS_EVERY_S if again else FRESH_S):
                return known[1]
            try:
                body = await self._ask("GET", provider.jwks_uri)
                keys = KeySet.import_key_set(cast(Any, _decoded(_OBJECT, body, "the key set")))
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise SignInElsewhereFailed(f"the provider's keys cannot be read ({type(error).__name__})") from error
            self._keys = (now_s, keys)
            return keys

    async def _with_userinfo(self, place: str, access_token: str, claims: dict[str, Any]) -> dict[str, Any]:
        body = await self._ask("GET", place, headers={"authorization": f"Bearer {access_token}"})
        more = _decoded(_OBJECT, body, "userinfo")
        if more.get("sub") != claims["sub"]:
            raise SignInElsewhereFailed("userinfo is of somebody else")
        return {**more, **claims}

    async def _ask(self, method: str, place: str, **more: Any) -> bytes:
        """Return what the provider answers. Redirects are not followed: a code or secret would go with them."""
        try:
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client,
                client.stream(method, place, **more) as answer,
            ):
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise SignInElsewhereFailed("the provider's answer is too long")
        except httpx.HTTPError as error:
            raise SignInElsewhereFailed(
                f"the provider does not answer ({type(error).__name__})", "The sign-in provider does not answer. Try later."
            ) from error
        if answer.status_code != 200:
            raise SignInElsewhereFailed(f"the provider answered {answer.status_code} at {urlsplit(place).path}")
        return body


def _pending(cookie: str) -> Pending:
    try:
        return _PENDING.decode(base64.urlsafe_b64decode(cookie.encode()))
    except (ValueError, msgspec.MsgspecError) as error:
        raise SignInElsewhereFailed(
            "this browser began no sign-in", "The sign-in took too long, or began in another browser. Begin again."
        ) from error


def _decoded(decoder: "msgspec.json.Decoder[Decoded]", body: bytes, what: str) -> Decoded:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise SignInElsewhereFailed(f"{what} cannot be read") from error


def _secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SignInElsewhereFailed(f"client_secret_file of [oidc] cannot be read ({error})") from error


def _same(a: str, b: str) -> bool:
    return secrets.compare_digest(a.encode(), b.encode())
