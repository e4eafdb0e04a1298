"""Sign-in provider of tests: a small OpenID Connect provider over real sockets, made to lie in every way that a test asks for.

It shares nothing with the product: it writes and signs its tokens itself and holds the product to PKCE and to its secret.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

CLIENT, SECRET = "cc voice", "s/ecret:%"


class SignInProvider:
    """What it says can be changed between two requests."""

    def __init__(self) -> None:
        self.url = ""
        self.key = ECKey.generate_key("P-256", {"kid": "first"}, auto_kid=False)
        self.published = [self.key]
        self.person: dict[str, Any] = {"sub": "u-1", "preferred_username": "ines", "name": "Ines Roth", "groups": ["cc-sup"]}
        self.userinfo: dict[str, Any] | None = None
        self.changed: dict[str, Any] = {}
        """Claims of the ID token that are not what they should be; None leaves one out."""
        self.discovery: dict[str, Any] = {}
        self.signed_by: ECKey | OctKey | None = None
        self.algorithm = "ES256"
        self.status = 200
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, address: str) -> dict[str, str]:
        """Do as a browser whose person agrees: return the parameters that come back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        return {"code": code, "state": query["state"]}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append(scope["path"])
        status, answer = self._answer(scope["path"], headers, body.decode())
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer if isinstance(answer, bytes) else json.dumps(answer).encode()})

    def _answer(self, path: str, headers: dict[str, str], body: str) -> tuple[int, Any]:
        if self.status != 200:
            return self.status, {}
        match path:
            case "/.well-known/openid-configuration":
                places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                found = {"issuer": self.url} | {name: f"{self.url}/{place}" for name, place in places.items()}
                if self.userinfo is not None:
                    found["userinfo_endpoint"] = f"{self.url}/userinfo"
                return 200, found | self.discovery
            case "/keys":
                return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
            case "/token":
                return self._token(headers, {name: values[0] for name, values in parse_qs(body).items()})
            case "/userinfo":
                return (200, self.userinfo) if headers.get("authorization") == "Bearer at" else (401, {})
            case _:
                return 404, {}

    def _token(self, headers: dict[str, str], form: dict[str, str]) -> tuple[int, Any]:
        asked = self._codes.pop(form["code"], None)
        pair = base64.b64encode(b"cc%20voice:s%2Fecret%3A%25").decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or headers.get("authorization") != f"Basic {pair}" or challenge != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            **self.person,
            **self.changed,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.signed_by or self.key
        header = {"alg": self.algorithm, "kid": key.kid or "first"}
        return 200, {"id_token": jwt.encode(header, claims, key, algorithms=[self.algorithm]), "access_token": "at"}


@contextlib.asynccontextmanager
async def provider() -> AsyncIterator[SignInProvider]:
    """Serve a provider on a free port of this machine."""
    made = SignInProvider()
    server = uvicorn.Server(uvicorn.Config(made, port=0, lifespan="off", log_config=None, ws="none"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.should_exit = True
        await task
