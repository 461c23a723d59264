"""Types of settings that check more than a Python type: comma-separated lists, delays, crons, time zones, policies.

What reads a policy is imported when one is set.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from awbridge.app.settings.fields import Reads, SettingLimits
from awbridge.app.settings.values import SecretStr, read_number, read_parts, read_secret, read_text

# Old variable -> its successor, for `awbridge doctor` and for errors.
RENAMED = {
    "AWBRIDGE_ASK_AFTER_SECONDS": "AWBRIDGE_POLL_AFTER_SECONDS",
    "AWBRIDGE_ASK_AGAIN_SECONDS": "AWBRIDGE_POLL_AGAIN_SECONDS",
    "AWBRIDGE_ASK_SILENT_DAYS": "AWBRIDGE_POLL_SILENT_DAYS",
}

_SUPPORT_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{2,30}", re.ASCII)
_SUPPORT_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)


def _delays(given: object) -> tuple[float, ...]:
    try:
        found = read_parts(given, read_number)
    except ValueError:
        found = (0.0,)
    if any(not 0 < delay < 30 * 86400 for delay in found):
        raise ValueError("must have delays in seconds, each a number above 0 and below 2592000 (30 days)")
    return found


def _texts(given: object) -> tuple[str, ...]:
    return read_parts(given, read_text)


def _secrets(given: object) -> tuple[SecretStr, ...]:
    return read_parts(given, read_secret)


def _addresses(given: object) -> tuple[str, ...]:
    found = _texts(given)
    if any("@" not in address or any(c.isspace() for c in address) for address in found):
        raise ValueError("must be mail addresses, comma-separated")
    return found


def _networks(given: object) -> tuple[str, ...]:
    from ipaddress import ip_network

    found = _texts(given)
    for part in found:
        try:
            ip_network(part)
        except ValueError:
            raise ValueError(f"has {part!r}, which is neither an address nor a network (its last bits are 0)") from None
    return found


def _check_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be the name of a time zone") from None


def _read_by(reader: Callable[[str], object], words: str) -> Reads:
    """Accepts the text that this reader accepts, and keeps it as text."""

    def check(given: object) -> str:
        text = read_text(given)
        try:
            reader(text)
        except ValueError as error:
            raise ValueError(f"is not valid: {error}") from None
        return text

    return Reads(check, words)


def _check_cron(text: str) -> None:
    from awbridge.domain.schedule import check_cron

    check_cron(text)


def _check_privacy(text: str) -> None:
    from awbridge.domain.privacy_setting import read_privacy

    read_privacy(text)


def _check_quiet_hours(text: str) -> None:
    from awbridge.domain.notify.notices import read_quiet_hours

    read_quiet_hours(text)


def _check_channels(text: str) -> None:
    from awbridge.domain.notify.notices import read_channels

    read_channels(text)


def _check_milestones(text: str) -> None:
    from awbridge.domain.notify.notices import read_milestones

    read_milestones(text)


def _check_roles(text: str) -> None:
    from awbridge.domain.people.identity import read_roles

    read_roles(text)


def read_options(text: str) -> dict[str, str]:
    """Read options written as name=value, comma-separated. Raises ValueError."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not name.strip() or not equals for name, equals, _ in pairs):
        raise ValueError("must be name=value, comma-separated")
    return {name.strip(): option.strip() for name, _, option in pairs}


def _options(given: object) -> SecretStr:
    found = read_secret(given)
    read_options(found.get_secret_value())
    return found


def _link_keys(given: object) -> tuple[SecretStr, ...]:
    from awbridge.domain.customer_page.links import LEAST_KEY

    found = _secrets(given)
    if any(len(key.get_secret_value()) < LEAST_KEY for key in found):
        raise ValueError(f"must have keys of at least {LEAST_KEY} characters; awbridge links new-key makes one")
    return found


def _sealing_keys(given: object) -> tuple[SecretStr, ...]:
    from awbridge.app.accounts.sealed import read_key

    found = _secrets(given)
    for key in found:
        read_key(key.get_secret_value())
    return found


def _collector_url(given: object) -> str:
    value = read_text(given)
    url = urlsplit(value)
    if value and (url.scheme not in ("http", "https") or not url.hostname or url.username):
        raise ValueError("write a URL such as http://localhost:4318; a password goes into AWBRIDGE_TRACES_HEADERS")
    return value


def _public_url(given: object) -> str:
    """An https URL without query, or an http one of this machine; without a trailing slash."""
    value = read_text(given)
    if not value:
        return value
    parts = _split(value)
    host = parts.hostname or ""
    if parts.scheme == "http" and host and not _is_loopback(host):
        raise ValueError("must begin with https://; http is allowed for this machine alone")
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise ValueError("must be an address with https:// and a host")
    if parts.query or parts.fragment or any(c.isspace() or c in '"<>\\' for c in value):
        raise ValueError("must be an address without query, spaces or quotes")
    return value.rstrip("/")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError("must be an address; this one has brackets that do not belong there") from None


def _host_url(given: object) -> str:
    """The http or https URL of a host that is called."""
    value = read_text(given)
    parts = _split(value)
    try:
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # the port
        valid = False
    if not valid or parts.query or parts.fragment or any(c.isspace() for c in value):
        raise ValueError("must be an address with https:// and a host")
    return value


def _optional_host_url(given: object) -> str:
    return _host_url(given) if given != "" else ""


def _database_url(given: object) -> str:
    """Where the database is; what stands behind its scheme is checked where it is opened."""
    value = read_text(given)
    if value.partition("://")[0] not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return value


def _replica_url(given: object) -> str:
    """Where a replica of PostgreSQL is; "" for none."""
    value = read_text(given)
    if value and value.partition("://")[0] not in ("postgresql", "postgres"):
        raise ValueError("must begin with postgresql://")
    return value


def _smtp_url(given: object) -> SecretStr:
    found = read_secret(given)
    value = found.get_secret_value()
    try:
        valid = not value or (urlsplit(value).scheme in ("smtp", "smtps") and bool(urlsplit(value).hostname))
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("must begin with smtp:// or smtps:// and name a host")
    return found


def _support_url(given: object) -> str:
    """An http or https URL of a page; the customer's page links to it."""
    value = read_text(given)
    parts = _split(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None):
        raise ValueError("must be the address of a page, with https://")
    if any(c.isspace() or c in '"<>\\' for c in value):
        raise ValueError("must be an address without spaces or quotes")
    return value


def _support_phone(given: object) -> str:
    value = read_text(given)
    if value and not _SUPPORT_PHONE.fullmatch(value):
        raise ValueError("must be a phone number")
    return value


def _support_mail(given: object) -> str:
    value = read_text(given)
    if value and not _SUPPORT_MAIL.fullmatch(value):
        raise ValueError("must be a mail address")
    return value


def _colour(given: object) -> str:
    from awbridge.domain.customer_page.brand import read_colour

    text = read_text(given)
    try:
        return read_colour(text)
    except ValueError:
        raise ValueError("must be a colour as #rrggbb") from None


def _check_answer_rules(text: str) -> None:
    from awbridge.domain.customer_page.answer_rules import read_rules

    read_rules(text)


def _check_origins(text: str) -> None:
    from awbridge.domain.customer_page.origins import read_origins

    read_origins(text)


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Texts = Annotated[tuple[str, ...], Reads(_texts, "texts, comma-separated")]
Secrets = Annotated[tuple[SecretStr, ...], Reads(_secrets, "texts, comma-separated")]
LinkKeyTexts = Annotated[tuple[SecretStr, ...], Reads(_link_keys, "texts, comma-separated")]
SealingKeys = Annotated[tuple[SecretStr, ...], Reads(_sealing_keys, "texts, comma-separated")]
PublicUrl = Annotated[str, Reads(_public_url, "URL without a query")]
HostUrl = Annotated[str, Reads(_host_url, "URL")]
OptionalHostUrl = Annotated[str, Reads(_optional_host_url, "URL")]
DatabaseUrl = Annotated[str, Reads(_database_url, "URL")]
ReplicaUrl = Annotated[str, Reads(_replica_url, "URL")]
SmtpUrl = Annotated[SecretStr, Reads(_smtp_url, "URL")]
SupportUrl = Annotated[str, Reads(_support_url, "URL")]
SupportPhone = Annotated[str, Reads(_support_phone, "phone number")]
SupportMail = Annotated[str, Reads(_support_mail, "mail address")]
Colour = Annotated[str, Reads(_colour, "colour as `#rrggbb`")]
Delays = Annotated[tuple[float, ...], Reads(_delays, "seconds, comma-separated")]
Addresses = Annotated[tuple[str, ...], Reads(_addresses, "mail addresses, comma-separated")]
Networks = Annotated[tuple[str, ...], Reads(_networks, "addresses or networks, comma-separated")]
Options = Annotated[SecretStr, Reads(_options, "`name=value`, comma-separated")]
CollectorUrl = Annotated[str, Reads(_collector_url, "URL")]
Cron = Annotated[str, _read_by(_check_cron, "cron of five fields")]
TimeZone = Annotated[str, _read_by(_check_zone, "name of a time zone")]
PrivacyPolicy = Annotated[str, _read_by(_check_privacy, "`kind=treatment`, comma-separated")]
QuietHours = Annotated[str, _read_by(_check_quiet_hours, "`channel=HH:MM-HH:MM`, comma-separated")]
Channels = Annotated[str, _read_by(_check_channels, "channels, comma-separated")]
Milestones = Annotated[str, _read_by(_check_milestones, "milestones, comma-separated")]
CustomerAnswers = Annotated[str, _read_by(_check_answer_rules, "rules, comma-separated")]
PageOrigins = Annotated[str, _read_by(_check_origins, "origins, comma-separated")]
IdentityRoles = Annotated[str, _read_by(_check_roles, "`value=role`, comma-separated")]
Positive = Annotated[float, SettingLimits(gt=0)]
Days = Annotated[int, SettingLimits(ge=0, le=36500)]
