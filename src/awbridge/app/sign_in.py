"""Settings -> the identity provider of the pages, if there is one."""

from __future__ import annotations

from urllib.parse import urlsplit

from awbridge.app.settings import Settings
from awbridge.domain.errors import MissingPart, SettingsError
from awbridge.domain.people.identity import IdentityPolicy, read_roles
from awbridge.steps.runtime.clock import utc_now
from awbridge.web.pages.people.identity_pages import SignInProvider


def sign_in_provider(settings: Settings) -> SignInProvider | None:
    """The identity provider of the settings; None without one. Raises SettingsError."""
    if not settings.oidc_issuer:
        return None
    _check(settings)
    try:
        from awbridge.sinks.oidc import OidcProvider
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("authlib", "joserfc"):
            raise
        raise MissingPart("AWBRIDGE_OIDC_ISSUER", "oidc") from None
    secret = settings.oidc_client_secret.get_secret_value()
    return SignInProvider(
        provider=OidcProvider(settings.oidc_issuer, settings.oidc_client_id, secret, clock=utc_now),
        policy=IdentityPolicy(
            domains=settings.oidc_domains,
            role_claim=settings.oidc_role_claim,
            roles=read_roles(settings.oidc_roles),
        ),
    )


def _check(settings: Settings) -> None:
    if not settings.oidc_client_id:
        raise SettingsError("AWBRIDGE_OIDC_ISSUER needs AWBRIDGE_OIDC_CLIENT_ID.")
    url = urlsplit(settings.oidc_issuer)
    if url.scheme != "https" and url.hostname not in ("localhost", "127.0.0.1"):
        raise SettingsError("AWBRIDGE_OIDC_ISSUER must begin with https://.")
    if bool(settings.oidc_role_claim) != bool(settings.oidc_roles):
        raise SettingsError("AWBRIDGE_OIDC_ROLE_CLAIM and AWBRIDGE_OIDC_ROLES need each other.")
