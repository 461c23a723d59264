"""Settings -> the database, ClickPost, object storage, mail, messages and webhooks that the service connects to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from awbridge.app.settings import Settings
from awbridge.app.settings.types import read_options
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.client.call_recorder import record_call
from awbridge.clickpost.client.connection import OnCall
from awbridge.domain.call import Call
from awbridge.domain.errors import MissingPart, SettingsError, StoreError
from awbridge.domain.notify.notices import Channel, Sends
from awbridge.sinks.addresses import read_networks
from awbridge.sinks.label_files import LabelFiles
from awbridge.sinks.mail import LONGEST as LONGEST_MAIL
from awbridge.sinks.mail import MailChannel
from awbridge.sinks.messages import PART, MessageChannel, longest_send
from awbridge.sinks.objects import Objects
from awbridge.sinks.outgoing import EventSender
from awbridge.sinks.templates import Templates
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.notify.alarm import Operator
from awbridge.steps.records.counted_calls import count_call
from awbridge.steps.records.unrecorded import Unrecorded
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

log = structlog.get_logger()

_OPERATORS_TIMEOUT = 10.0  # seconds an operators' channel has to answer; alarms are sent one after another
# APIs whose calls the calling step records: all calls, or only those that failed.
KEPT_WHOLE = frozenset(
    (
        *("create-order", "fetch-order", "cancel-order", "recommend"),
        *("edit-order", "fetch-label", "fetch-security-key", "create-pickup", "update-ndr", "set-whatsapp"),
        *("register-waybill", "proof-of-delivery"),
    )
)
KEPT_WHEN_FAILED = KEPT_WHOLE | {
    *("track-order", "updated-order"),
    *("fetch-shipment-count", "request-report", "fetch-report", "download-report"),
}


def vendor(
    settings: Settings, *, on_call: OnCall | None = None, tracer_provider: TracerProvider | None = None
) -> AsyncClickPost:
    """The client for the configured ClickPost account. Raises SettingsError when the account is not set."""
    settings.check_vendor()
    return AsyncClickPost(
        username=settings.clickpost_username,
        key=settings.clickpost_key.get_secret_value(),
        url=settings.clickpost_url,
        tracking_url=settings.clickpost_tracking_url,
        serviceability_url=settings.clickpost_serviceability_url,
        edd_url=settings.clickpost_edd_url,
        timeout=settings.clickpost_timeout,
        connections=settings.clickpost_connections,
        on_call=_with_recording(on_call),
        tracer_provider=tracer_provider,
    )


def vendor_problem(settings: Settings) -> str:
    """Why ClickPost cannot be called; "" if username and key are set."""
    try:
        settings.check_vendor()
    except SettingsError as error:
        return str(error)
    return ""


def _with_recording(on_call: OnCall | None) -> OnCall:
    """One hook that counts the call, passes it to `record_call`, for callers that record theirs, and then on."""

    def hook(call: Call) -> None:
        count_call(call)
        record_call(call)
        if on_call:
            on_call(call)

    return hook


def unrecorded_calls(settings: Settings, clock: Clock) -> Unrecorded:
    """Where calls are kept on this machine while the database is unavailable."""
    folder = Path(settings.data_dir) / "unrecorded"
    return Unrecorded(folder, clock=clock, most_bytes=round(settings.unrecorded_mib * 1024 * 1024))


def call_recorder(settings: Settings, clock: Clock, unrecorded: Unrecorded | None = None) -> CallRecorder:
    """The hook that records failed calls which no step records; all such calls when all calls are archived."""
    return CallRecorder(
        clock,
        kept_elsewhere=KEPT_WHEN_FAILED,
        kept_whole=KEPT_WHOLE,
        all_calls=settings.archives and settings.archive_all_calls,
        unrecorded=unrecorded,
    )


@asynccontextmanager
async def recording(recorder: CallRecorder, store: Store) -> AsyncGenerator[None]:
    """Write the recorder's remaining calls when the block ends; log an error when the database is unavailable."""
    try:
        yield
    finally:
        try:
            while await recorder.flush(store):
                pass
        except StoreError as error:
            if not recorder.write_to_disk():
                log.error("calls.not_recorded", problem=str(error))


def archive_objects(settings: Settings, *, timeout: float | None = None) -> Objects | None:
    """The archive, None when disabled. `timeout`: seconds, by default the configured one. Raises SettingsError."""
    if not settings.archives:
        return None
    options = read_options(settings.archive_options.get_secret_value())
    timeout = timeout or settings.archive_timeout
    if not settings.archive_url:
        return Objects.in_folder(Path(settings.data_dir), timeout=timeout)
    return Objects.open(settings.archive_url, options=options, timeout=timeout)


def archive_place(settings: Settings) -> str | None:
    """The archive's URL for display, None when disabled."""
    if not settings.archives:
        return None
    return settings.archive_url or f"file://{Path(settings.data_dir).absolute()}"


def report_objects(settings: Settings) -> Objects:
    """Where reports are stored: the archive, or the data folder when there is none."""
    return archive_objects(settings) or Objects.in_folder(Path(settings.data_dir))


def customer_channels(settings: Settings) -> dict[Channel, Sends]:
    """The channels to customers and to the company's own team. Raises SettingsError for an invalid configuration."""
    found: dict[Channel, Sends] = {}
    if settings.notice_mail:
        found[Channel.MAIL] = _mail(settings, "AWBRIDGE_NOTICE_MAIL")
    services = {
        Channel.SMS: [settings.notice_sms_url],
        Channel.WHATSAPP: [settings.notice_whatsapp_url],
        Channel.CHAT: list(settings.notice_chat_urls),
    }
    for channel, secrets in services.items():
        if urls := [s.get_secret_value() for s in secrets if s.get_secret_value()]:
            if channel.reaches_customer and not any(place in urls[0] for place in ("{to}", "{to_digits}")):
                raise SettingsError(f"AWBRIDGE_NOTICE_{channel.upper()}_URL needs {{to}} for the recipient.")
            name = "AWBRIDGE_NOTICE_CHAT_URLS" if channel is Channel.CHAT else f"AWBRIDGE_NOTICE_{channel.upper()}_URL"
            found[channel] = _messages(name, *urls, timeout=settings.notice_timeout)
    return found


def operators(settings: Settings) -> list[Operator]:
    """The channels to the operators. Raises SettingsError for an invalid configuration."""
    longest = longest_send(1, _OPERATORS_TIMEOUT)
    found = [
        Operator(
            channel=_messages("AWBRIDGE_ALARM_URLS", url.get_secret_value(), timeout=_OPERATORS_TIMEOUT),
            longest=longest,
        )
        for url in settings.alarm_urls
    ]
    if settings.alarm_mail_to:
        mail = _mail(settings, "AWBRIDGE_ALARM_MAIL_TO")
        found += [Operator(channel=mail, to=address, longest=LONGEST_MAIL) for address in settings.alarm_mail_to]
    return found


def _messages(setting: str, *urls: str, timeout: float) -> MessageChannel:
    try:
        return MessageChannel(*urls, timeout=timeout)
    except MissingPart:
        raise MissingPart(setting, PART) from None
    except SettingsError as error:
        raise SettingsError(f"{setting}: {error}") from None


def _mail(settings: Settings, required_by: str) -> MailChannel:
    url = settings.smtp_url.get_secret_value()
    if not url:
        raise SettingsError(f"AWBRIDGE_SMTP_URL is not set, but {required_by} is.")
    return MailChannel(url, sender=settings.notice_mail_from)


def templates(settings: Settings) -> Templates:
    """The message templates: those of AWBRIDGE_TEMPLATES_DIR replace the shipped ones."""
    folder = Path(settings.templates_dir) if settings.templates_dir else None
    if folder and not folder.is_dir():
        raise SettingsError(f"AWBRIDGE_TEMPLATES_DIR: {folder} is not a folder")
    return Templates(folder, default_language=settings.notice_language)


def event_sender(settings: Settings) -> EventSender:
    """The client that sends webhooks to subscribers."""
    return EventSender(allowed=read_networks(settings.endpoint_networks), timeout=settings.endpoint_timeout)


def label_files(settings: Settings) -> LabelFiles:
    """The client that fetches labels. ClickPost's own hosts, as configured, may be in a private network."""
    hosts = (urlsplit(url).hostname or "" for url in (settings.clickpost_url, settings.clickpost_tracking_url))
    return LabelFiles(
        trusted_hosts=frozenset(hosts),
        most_bytes=round(settings.label_mib * 1024 * 1024),
        timeout=settings.label_timeout,
    )
