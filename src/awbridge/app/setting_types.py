"""Types of settings that check more than a Python type: comma-separated lists, delays, crons, time zones, policies."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from awbridge.domain.customer_page.answers import read_rules as read_answer_rules
from awbridge.domain.customer_page.brand import read_colour
from awbridge.domain.customer_page.links import LEAST_KEY
from awbridge.domain.customer_page.origins import read_origins
from awbridge.domain.notify.notices import read_channels, read_milestones, read_quiet_hours
from awbridge.domain.people.identity import read_roles
from awbridge.domain.privacy_setting import read_privacy
from awbridge.domain.schedule import check_cron

# Old variable -> its successor, for `awbridge doctor` and for errors.
RENAMED = {
    "AWBRIDGE_ASK_AFTER_SECONDS": "AWBRIDGE_POLL_AFTER_SECONDS",
    "AWBRIDGE_ASK_AGAIN_SECONDS": "AWBRIDGE_POLL_AGAIN_SECONDS",
    "AWBRIDGE_ASK_SILENT_DAYS": "AWBRIDGE_POLL_SILENT_DAYS",
}

_SUPPORT_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{2,30}", re.ASCII)
_SUPPORT_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)


def _split_commas(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _check_delays(value: tuple[float, ...]) -> tuple[float, ...]:
    if any(not 0 < delay < 30 * 86400 for delay in value):
        raise ValueError("every delay is a number of seconds above 0 and below 30 days")
    return value


def _check_addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    if any("@" not in address or any(c.isspace() for c in address) for address in value):
        raise ValueError("write mail addresses, comma-separated")
    return value


def _check_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for part in value:
        ip_network(part)
    return value


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a time zone; write one like Asia/Kolkata or Asia/Dubai") from None
    return value


def _read_by(reader: Callable[[str], Any]) -> AfterValidator:
    """Accepts the text that this reader accepts, and keeps it as text."""

    def check(value: str) -> str:
        reader(value)
        return value

    return AfterValidator(check)


def read_options(text: str) -> dict[str, str]:
    """Read options written as name=value, comma-separated. Raises ValueError."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not name.strip() or not equals for name, equals, _ in pairs):
        raise ValueError("write name=value, comma-separated")
    return {name.strip(): option.strip() for name, _, option in pairs}


def _check_options(value: SecretStr) -> SecretStr:
    read_options(value.get_secret_value())
    return value


def _check_link_keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(key.get_secret_value()) < LEAST_KEY for key in value):
        raise ValueError(f"every key needs at least {LEAST_KEY} characters; make one with `awbridge links new-key`")
    return value


def _check_public_url(value: str) -> str:
    """An https URL without query, or an http one of this machine; without a trailing slash."""
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


def _check_support_url(value: str) -> str:
    """An http or https URL of a page; the customer's page links to it."""
    parts = urlsplit(value)  # raises ValueError
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None):
        raise ValueError("write the address of a page, like https://shop.example/help")
    if any(c.isspace() or c in '"<>\\' for c in value):
        raise ValueError("write the address without spaces or quotes, like https://shop.example/help")
    return value


def _check_support_phone(value: str) -> str:
    if value and not _SUPPORT_PHONE.fullmatch(value):
        raise ValueError("write a phone number like +91 80 1234 5678")
    return value


def _check_support_mail(value: str) -> str:
    if value and not _SUPPORT_MAIL.fullmatch(value):
        raise ValueError("write a mail address like help@shop.example")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Texts = Annotated[tuple[str, ...], BeforeValidator(_split_commas)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_split_commas)]
LinkKeyTexts = Annotated[Secrets, AfterValidator(_check_link_keys)]
PublicUrl = Annotated[str, AfterValidator(_check_public_url)]
SupportUrl = Annotated[str, AfterValidator(_check_support_url)]
SupportPhone = Annotated[str, AfterValidator(_check_support_phone)]
SupportMail = Annotated[str, AfterValidator(_check_support_mail)]
Colour = Annotated[str, AfterValidator(read_colour)]
Delays = Annotated[tuple[float, ...], BeforeValidator(_split_commas), AfterValidator(_check_delays)]
Addresses = Annotated[Texts, AfterValidator(_check_addresses)]
Networks = Annotated[Texts, AfterValidator(_check_networks)]
Options = Annotated[SecretStr, AfterValidator(_check_options)]
Cron = Annotated[str, AfterValidator(check_cron)]
TimeZone = Annotated[str, AfterValidator(_check_zone)]
PrivacyPolicy = Annotated[str, _read_by(read_privacy)]
QuietHours = Annotated[str, _read_by(read_quiet_hours)]
Channels = Annotated[str, _read_by(read_channels)]
Milestones = Annotated[str, _read_by(read_milestones)]
CustomerAnswers = Annotated[str, _read_by(read_answer_rules)]
IdentityRoles = Annotated[str, _read_by(read_roles)]
PageOrigins = Annotated[str, _read_by(read_origins)]
Positive = Annotated[float, Field(gt=0)]
Days = Annotated[int, Field(ge=0, le=36500)]
