"""Types of settings that check more than a Python type: comma-separated lists, delays, crons, time zones, policies.

What reads a policy is imported when one is set.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from awbridge.app.setting_fields import Reads, SecretStr, SettingLimits, read_number, read_parts, read_secret, read_text

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
        raise ValueError("every delay is a number of seconds above 0 and below 30 days")
    return found


def _texts(given: object) -> tuple[str, ...]:
    return read_parts(given, read_text)


def _secrets(given: object) -> tuple[SecretStr, ...]:
    return read_parts(given, read_secret)


def _addresses(given: object) -> tuple[str, ...]:
    found = _texts(given)
    if any("@" not in address or any(c.isspace() for c in address) for address in found):
        raise ValueError("write mail addresses, comma-separated")
    return found


def _networks(given: object) -> tuple[str, ...]:
    from ipaddress import ip_network

    found = _texts(given)
    for part in found:
        ip_network(part)
    return found


def _check_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a time zone; write one like Asia/Kolkata or Asia/Dubai") from None


def _read_by(reader: Callable[[str], object]) -> Reads:
    """Accepts the text that this reader accepts, and keeps it as text."""

    def check(given: object) -> str:
        text = read_text(given)
        reader(text)
        return text

    return Reads(check)


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
        raise ValueError("write name=value, comma-separated")
    return {name.strip(): option.strip() for name, _, option in pairs}


def _options(given: object) -> SecretStr:
    found = read_secret(given)
    read_options(found.get_secret_value())
    return found


def _link_keys(given: object) -> tuple[SecretStr, ...]:
    from awbridge.domain.customer_page.links import LEAST_KEY

    found = _secrets(given)
    if any(len(key.get_secret_value()) < LEAST_KEY for key in found):
        raise ValueError(f"every key needs at least {LEAST_KEY} characters; make one with `awbridge links new-key`")
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
    parts = urlsplit(value)  # raises ValueError
    host = parts.hostname or ""
    if parts.scheme == "http" and host and not _is_loopback(host):
        raise ValueError("customers' links need https; http is allowed for this machine alone")
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise ValueError("write an address like https://track.shop.example")
    if parts.query or parts.fragment or any(c.isspace() or c in '"<>\\' for c in value):
        raise ValueError("write the address alone, without a query, such as https://track.shop.example")
    return value.rstrip("/")


def _support_url(given: object) -> str:
    """An http or https URL of a page; the customer's page links to it."""
    value = read_text(given)
    parts = urlsplit(value)  # raises ValueError
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None):
        raise ValueError("write the address of a page, like https://shop.example/help")
    if any(c.isspace() or c in '"<>\\' for c in value):
        raise ValueError("write the address without spaces or quotes, like https://shop.example/help")
    return value


def _support_phone(given: object) -> str:
    value = read_text(given)
    if value and not _SUPPORT_PHONE.fullmatch(value):
        raise ValueError("write a phone number like +91 80 1234 5678")
    return value


def _support_mail(given: object) -> str:
    value = read_text(given)
    if value and not _SUPPORT_MAIL.fullmatch(value):
        raise ValueError("write a mail address like help@shop.example")
    return value


def _colour(given: object) -> str:
    from awbridge.domain.customer_page.brand import read_colour

    return read_colour(read_text(given))


def _check_answer_rules(text: str) -> None:
    from awbridge.domain.customer_page.answers import read_rules

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


Texts = Annotated[tuple[str, ...], Reads(_texts)]
Secrets = Annotated[tuple[SecretStr, ...], Reads(_secrets)]
LinkKeyTexts = Annotated[tuple[SecretStr, ...], Reads(_link_keys)]
PublicUrl = Annotated[str, Reads(_public_url)]
SupportUrl = Annotated[str, Reads(_support_url)]
SupportPhone = Annotated[str, Reads(_support_phone)]
SupportMail = Annotated[str, Reads(_support_mail)]
Colour = Annotated[str, Reads(_colour)]
Delays = Annotated[tuple[float, ...], Reads(_delays)]
Addresses = Annotated[tuple[str, ...], Reads(_addresses)]
Networks = Annotated[tuple[str, ...], Reads(_networks)]
Options = Annotated[SecretStr, Reads(_options)]
CollectorUrl = Annotated[str, Reads(_collector_url)]
Cron = Annotated[str, _read_by(_check_cron)]
TimeZone = Annotated[str, _read_by(_check_zone)]
PrivacyPolicy = Annotated[str, _read_by(_check_privacy)]
QuietHours = Annotated[str, _read_by(_check_quiet_hours)]
Channels = Annotated[str, _read_by(_check_channels)]
Milestones = Annotated[str, _read_by(_check_milestones)]
CustomerAnswers = Annotated[str, _read_by(_check_answer_rules)]
PageOrigins = Annotated[str, _read_by(_check_origins)]
IdentityRoles = Annotated[str, _read_by(_check_roles)]
Positive = Annotated[float, SettingLimits(gt=0)]
Days = Annotated[int, SettingLimits(ge=0, le=36500)]
