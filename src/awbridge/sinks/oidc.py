# Authlib has no type stubs.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""An identity provider (OpenID Connect): authorization code with PKCE, state and nonce; ID tokens verified.

Needs the extra `oidc` (Authlib and joserfc).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from awbridge.certificates import trusted
from awbridge.domain.errors import IdentityError
from awbridge.domain.people.identity import Identity

SCOPE = "openid email profile"
_SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_METADATA_LASTS = 3600.0  # seconds
_LEEWAY = 60  # seconds by which clocks may differ
_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What the provider publishes about itself, and its keys. `read_at` is monotonic."""

    values: Mapping[str, Any]
    keys: KeySet
    read_at: float


class OidcProvider:
    """One identity provider. Its metadata and keys are read when first needed, and again every hour.

    `issuer`: its URL, without `/.well-known/...`. An empty `client_secret` makes this a public client.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, *, clock: Callable[[], datetime]) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._metadata: _Metadata | None = None

    @property
    def name(self) -> str:
        """What people call it by: its host."""
        return urlsplit(self._issuer).hostname or self._issuer

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent to sign in. Raises IdentityError."""
        metadata = await self._read()
        return prepare_grant_uri(
            _endpoint(metadata, "authorization_endpoint"),
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )

    async def identity(self, code: str, *, redirect_uri: str, nonce: str, verifier: str) -> Identity:
        """Exchange a code for the identity that signed in. Raises IdentityError for anything that is not right."""
        metadata = await self._read()
        answer = await self._exchange(metadata, code, redirect_uri, verifier)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise IdentityError("the identity provider returned no ID token")
        claims = await self._verified(token, metadata, nonce, answer.get("access_token"))
        return Identity(subject=f"{self._issuer} {claims['sub']}", claims=claims)

    async def _exchange(self, metadata: _Metadata, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        body = prepare_token_request("authorization_code", redirect_uri=redirect_uri, code=code, code_verifier=verifier)
        auth = ClientAuth(self._client_id, self._client_secret, self._auth_method(metadata))
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        url, headers, body = auth.prepare("POST", _endpoint(metadata, "token_endpoint"), headers, body)
        return await _fetch("POST", url, headers=headers, content=body)

    def _auth_method(self, metadata: _Metadata) -> str:
        """How the client authenticates: the standard's default is Basic."""
        if not self._client_secret:
            return "none"
        offered = metadata.values.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return "client_secret_post" if "client_secret_basic" not in offered else "client_secret_basic"

    async def _verified(self, token: str, metadata: _Metadata, nonce: str, access_token: object) -> dict[str, Any]:
        try:
            try:
                decoded = jwt.decode(token, metadata.keys, algorithms=_SIGNATURES)
            except (JoseError, ValueError):  # perhaps signed with a key that is new since the keys were read
                metadata = await self._read(again=True)
                decoded = jwt.decode(token, metadata.keys, algorithms=_SIGNATURES)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "nonce": {"essential": True, "value": nonce},
                },
                params={"nonce": nonce, "client_id": self._client_id, "access_token": access_token},
            )
            claims.validate(now=int(self._clock().timestamp()), leeway=_LEEWAY)
        except (JoseError, ValueError) as error:
            raise IdentityError(f"the identity provider's ID token is not valid: {error}") from None
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise IdentityError("the identity provider's ID token names no subject")
        return dict(claims)

    async def _read(self, *, again: bool = False) -> _Metadata:
        known = self._metadata
        if known is not None and not again and time.monotonic() - known.read_at < _METADATA_LASTS:
            return known
        values = await _fetch("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if values.get("issuer") != self._issuer:
            raise IdentityError(
                f"the identity provider calls itself {values.get('issuer')!r}; set AWBRIDGE_OIDC_ISSUER to exactly that"
            )
        try:
            keys = KeySet.import_key_set(await _fetch("GET", str(values.get("jwks_uri"))))  # pyright: ignore[reportArgumentType]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise IdentityError(f"the identity provider's keys cannot be read: {error}") from None
        self._metadata = _Metadata(values, keys, time.monotonic())
        return self._metadata


def _endpoint(metadata: _Metadata, name: str) -> str:
    url = metadata.values.get(name)
    if not isinstance(url, str):
        raise IdentityError(f"the identity provider publishes no {name}")
    return url


async def _fetch(method: str, url: str, **more: Any) -> dict[str, Any]:
    """A JSON object. Raises IdentityError; the text has no secrets."""
    host = urlsplit(url).hostname or url[:100]
    try:
        async with httpx2.AsyncClient(verify=trusted(), timeout=_TIMEOUT, follow_redirects=False) as http:
            answer = await http.request(method, url, **more)
        body = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise IdentityError(f"{host} cannot be reached: {type(error).__name__}") from None
    except ValueError:
        raise IdentityError(f"{host} answered with something that is not JSON") from None
    if not answer.is_success or not isinstance(body, dict):
        problem = str(body.get("error", ""))[:100] if isinstance(body, dict) else ""
        raise IdentityError(f"{host} answered HTTP {answer.status_code} {problem}".strip())
    return body
