"""Which optional parts of the installation the settings need, and which of those are missing."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.values import SecretStr
from awbridge.domain.errors import MissingPart

_STORES = ("s3://", "gs://", "az://", "abfs://", "abfss://")
# The modules that a part brings, and that are asked for.
_MODULES = {
    "accounts": ("nacl",),
    "messages": ("apprise",),
    "object-storage": ("obstore",),
    "oidc": ("authlib", "joserfc"),
    "telemetry": ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter"),
}


@cache
def is_installed(part: str) -> bool:
    """Whether an optional part is installed. What is installed later is found after a restart."""
    try:
        return all(find_spec(name) is not None for name in _MODULES[part])
    except ModuleNotFoundError:  # the package that would hold it
        return False


def check_parts(settings: Settings) -> None:
    """Raise MissingPart, which names every setting that needs a part that is missing."""
    missing = [(name, part) for name, part in _needed(settings) if not is_installed(part)]
    if missing:
        names, parts = ([*dict.fromkeys(column)] for column in zip(*missing, strict=True))
        *others, last = names
        listed = f"{', '.join(others)} and {last}" if others else last
        raise MissingPart(listed, *sorted(parts), need="need" if others else "needs")


def missing_parts(settings: Settings) -> str:
    """What `check_parts` says; "" if nothing is missing."""
    try:
        check_parts(settings)
    except MissingPart as error:
        return str(error)
    return ""


def _needed(settings: Settings) -> list[tuple[str, str]]:
    """The settings that need a part, each with it."""
    urls = {
        "notice_sms_url": [settings.notice_sms_url],
        "notice_whatsapp_url": [settings.notice_whatsapp_url],
        "notice_chat_urls": settings.notice_chat_urls,
        "alarm_urls": settings.alarm_urls,
    }
    services = {name: [url for url in map(SecretStr.get_secret_value, found) if url] for name, found in urls.items()}
    needed = [("accounts_key", "accounts")] if settings.accounts_key else []
    if any(services.values()):
        from awbridge.sinks.messages import needs_part  # with an HTTP client, which few commands need

        needed += [(name, "messages") for name, urls in services.items() if any(map(needs_part, urls))]
    stores = {"archive_url": settings.archive_url, "backup_url": settings.backup_url}
    needed += [(name, "object-storage") for name, url in stores.items() if url.startswith(_STORES)]
    needed += [("oidc_issuer", "oidc")] if settings.oidc_issuer else []
    needed += [("traces_url", "telemetry")] if settings.traces_url else []
    return [(PREFIX + name.upper(), part) for name, part in needed]
