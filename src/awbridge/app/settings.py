"""Every setting of the service: typed, described, validated. From AWBRIDGE_* variables, then awbridge.toml."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from awbridge.domain.call import longest_call
from awbridge.domain.couriers.allocation import Allocation
from awbridge.domain.errors import SettingsError
from awbridge.domain.notify.notices import read_channels, read_milestones, read_quiet_hours
from awbridge.domain.privacy import read_privacy
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS
from awbridge.domain.schedule import check_cron
from awbridge.domain.tracking.asking import PollingMode

PREFIX = "AWBRIDGE_"
NO_ARCHIVE = "none"


class Settings(BaseSettings):
    """The service's settings. The environment wins over the file `awbridge.toml` in the working directory."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, toml_file="awbridge.toml", extra="forbid", frozen=True)

    database_url: str = Field(
        "sqlite:///awbridge.db",
        description="Where everything is kept: sqlite:///file.db or postgresql://user:password@host/database.",
    )
    database_connections: int = Field(
        10, ge=2, le=200, description="Connections to PostgreSQL that one process may open."
    )
    migrate_on_start: bool = Field(True, description="Whether serve and work bring the schema up to date themselves.")

    clickpost_username: str = Field("", description="Your username at ClickPost.")
    clickpost_key: SecretStr = Field(SecretStr(""), description="Your API key at ClickPost. A secret.")
    clickpost_url: str = Field("https://www.clickpost.in", description="ClickPost's main host.")
    clickpost_tracking_url: str = Field("https://api.clickpost.in", description="ClickPost's host for track-order.")
    clickpost_serviceability_url: str = Field(
        "https://serviceability.clickpost.in", description="ClickPost's host for serviceability."
    )
    clickpost_edd_url: str = Field("https://ds.clickpost.in", description="ClickPost's host for delivery dates.")
    clickpost_timeout: float = Field(15.0, gt=0, le=120, description="Seconds to wait for an answer of ClickPost.")
    clickpost_connections: int = Field(50, ge=1, le=500, description="Connections to ClickPost kept by one process.")

    webhook_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Keys that ClickPost's webhooks may carry, in a header (webhook_key, X-Api-Key, Authorization) or "
        "in the address; comma-separated (several, for rotation). Keys stored by `awbridge webhook register` are taken "
        "too. Secrets.",
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys of the HTTP API, comma-separated. Without any, only loopback may call. Secrets."
    )
    time_zone: str = Field("Asia/Kolkata", description="The account's time zone; scan times are in it.")
    webhook_z_means_utc: bool = Field(
        False, description="Believe the trailing Z of scan times. ClickPost's own carry local time behind a Z."
    )

    push_batch: int = Field(50, ge=1, le=1000, description="Shipments that push claims at once.")
    push_concurrency: int = Field(20, ge=1, le=200, description="Calls to create-order in flight at once.")
    push_lease_seconds: float = Field(
        120.0,
        ge=1,
        description="How long claimed shipments belong to one worker. More than 4 times AWBRIDGE_CLICKPOST_TIMEOUT.",
    )
    push_rate: float = Field(
        0.0, ge=0, le=10_000, description="Calls to create-order a second, all processes together. 0: no limit."
    )
    retry_delays: Annotated[tuple[float, ...], NoDecode] = Field(
        DEFAULT_RETRY_DELAYS,
        min_length=3,
        description="Seconds to wait before each new try, comma-separated, at least 3. After the last it gives up.",
    )
    waiting_seconds: float = Field(30.0, gt=0, description="How often an asynchronous courier's order is asked for.")
    waiting_deadline_seconds: float = Field(
        3600.0, gt=0, description="How long an asynchronous courier may take before that counts as a failed try."
    )
    cancel_deadline_seconds: float = Field(
        259_200.0, gt=0, description="How long a courier may take to confirm a cancellation before a person is needed."
    )
    cancel_updates_status: bool = Field(
        False, description="Whether ClickPost sets the tracking status to Cancelled itself once a courier has agreed."
    )
    hold_seconds: float = Field(
        300.0, gt=0, description="How long an account with wrong credentials rests before one shipment tries again."
    )
    breaker_failures: int = Field(
        10, ge=2, description="Failed calls of one account within the window that open its breaker."
    )
    breaker_rate: float = Field(
        0.5, gt=0, le=1, description="The share of calls that must have failed as well for the breaker to open."
    )
    breaker_window_seconds: float = Field(60.0, gt=0, description="The window in which the breaker counts.")
    probe_seconds: float = Field(
        60.0, gt=0, description="How often one shipment tries an account whose breaker is open."
    )
    ramp_until: int = Field(
        64, ge=1, le=10_000, description="After a downtime shipments go out 1, 2, 4, ... at a time up to this many."
    )

    allocation: Allocation = Field(
        Allocation.RULES,
        description="Who chooses the courier of an order that names none: off, rules, recommendation or "
        "rules-then-recommendation.",
    )
    fallback_failures: int = Field(
        3, ge=1, le=100, description="How often a courier may refuse before its fallback is tried, where it may pass."
    )
    fallback_window_seconds: float = Field(
        86400.0, gt=0, description="Only shipments that failed within this time go to a fallback."
    )
    courier_comparison_seconds: float = Field(
        86400.0, ge=0, description="How often the accounts at ClickPost are compared with the mapping. 0: never."
    )

    catch_up_window_seconds: float = Field(
        600.0, gt=0, le=1800, description="Length of one updated-order window. ClickPost allows 1800."
    )
    catch_up_lag_seconds: float = Field(
        60.0, ge=0, description="How far behind now the windows end, so that late writes at ClickPost are in them."
    )
    polling: PollingMode = Field(
        PollingMode.GUIDE,
        description="guide: track-order is asked for every open shipment once a day, as ClickPost's integration guide "
        "says. economical: for those that nothing was heard of for a day.",
    )
    ask_after_seconds: float = Field(
        86400.0, gt=0, description="The day of AWBRIDGE_POLLING: how long after a question, or after news, one is due."
    )
    ask_again_seconds: float = Field(
        7200.0, gt=0, description="Track-order is not asked twice for one shipment within this. Couriers are asked so."
    )

    reconcile_dir: str = Field(
        "", description="A folder that is watched for reports of ClickPost to reconcile with; empty: none is watched."
    )
    reconcile_ask_seconds: float = Field(
        30.0, gt=0, le=3600, description="How often a dashboard report that is not ready is asked for."
    )
    reconcile_cron: str = Field("30 2 * * *", description="When the day before is reconciled.")

    data_dir: str = Field("awbridge-data", description="A folder for files of this machine: archive files, reports.")
    unrecorded_mib: float = Field(
        256.0, ge=0, le=65536, description="MiB of calls kept in the data folder while the database is away."
    )
    archive_url: str = Field(
        "",
        description="Where failed calls are archived: s3://bucket/prefix, gs://, az:// or file:///folder. Empty: in "
        "AWBRIDGE_DATA_DIR. none: nowhere.",
    )
    archive_options: SecretStr = Field(
        SecretStr(""),
        description="The storage's own options: region=ap-south-1,endpoint=https://... Without any, those of the "
        "environment and of the machine's role are used. A secret.",
    )
    archive_all_calls: bool = Field(False, description="Whether calls that went well are archived too.")
    archive_file_mib: float = Field(8.0, gt=0, le=256, description="MiB of bodies in one file, before compression.")
    archive_seconds: float = Field(300.0, ge=1, le=86400, description="How long a call waits for its file at most.")
    archive_timeout: float = Field(60.0, gt=0, le=600, description="Seconds for putting or getting one file.")

    smtp_url: SecretStr = Field(
        SecretStr(""), description="The mail server: smtp://user:password@host:587 or smtps://host:465. A secret."
    )
    mail_from: str = Field("", description="From whom mail goes: awbridge <bridge@shop.example>.")
    report_cron: str = Field("30 0 * * *", description="When the failures of the day before are reported.")
    report_to: Annotated[tuple[str, ...], NoDecode] = Field((), description="Your own addresses for reports.")
    report_clickpost_to: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="ClickPost's addresses for reports; theirs is masked by AWBRIDGE_PRIVACY_CLICKPOST."
    )
    report_empty_days: bool = Field(
        True, description="Whether a day without failures sends a one-line mail: silence may be a broken mail."
    )

    privacy_own: str = Field(
        "phone=mask,name=mask,email=mask,address=mask",
        description="What your own reports and evidence show of personal data.",
    )
    privacy_clickpost: str = Field(
        "phone=mask,name=mask,email=mask,address=keep",
        description="What ClickPost sees of personal data in reports and evidence.",
    )
    privacy_archive: str = Field(
        "phone=pseudonym,name=mask,email=pseudonym,address=mask", description="What the archive keeps of personal data."
    )
    privacy_key: SecretStr = Field(
        SecretStr(""), description="Makes pseudonyms. Without it, what should be a pseudonym is masked. A secret."
    )

    retain_cron: str = Field("15 3 * * *", description="When old rows are deleted.")
    retain_attempts_days: int = Field(90, ge=0, le=36500, description="Days that calls are kept. 0: for ever.")
    retain_inbox_days: int = Field(30, ge=0, le=36500, description="Days that applied deliveries are kept.")
    retain_scans_days: int = Field(0, ge=0, le=36500, description="Days that scans of ended shipments are kept.")
    retain_payloads_days: int = Field(
        180, ge=0, le=36500, description="Days until the personal data of ended shipments leave their payloads."
    )
    retain_reports_days: int = Field(365, ge=0, le=36500, description="Days that reports are kept.")
    retain_runs_days: int = Field(90, ge=0, le=36500, description="Days that awbridge's own diaries are kept.")
    retain_events_days: int = Field(90, ge=0, le=36500, description="Days that events which were told are kept.")
    retain_notices_days: int = Field(180, ge=0, le=36500, description="Days that settled notices are kept.")
    retain_actions_days: int = Field(365, ge=0, le=36500, description="Days that actions which are over are kept.")
    retain_reconciliations_days: int = Field(
        180, ge=0, le=36500, description="Days that reconciliations and their differences are kept."
    )
    retain_archive_days: int = Field(0, ge=0, le=36500, description="Days that files are kept in the archive.")

    notice_mail_from: str = Field("", description="Sender of mails, e.g. Acme <orders@acme.example>.")
    notice_mail: bool = Field(False, description="Whether customers get mail. Operators do by AWBRIDGE_ALARM_MAIL_TO.")
    notice_sms_url: SecretStr = Field(
        SecretStr(""), description="apprise URL for SMS to customers, with {to} in it. Empty: no SMS. A secret."
    )
    notice_whatsapp_url: SecretStr = Field(
        SecretStr(""), description="apprise URL for WhatsApp to customers, with {to} in it. Empty: none. A secret."
    )
    notice_chat_urls: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="apprise URLs of your own team's chats that get every milestone, comma-separated. Secrets."
    )
    notice_timeout: float = Field(
        30.0, ge=1, le=120, description="Seconds that an SMS, WhatsApp or chat service has to answer."
    )
    notice_consent: str = Field(
        "", description="Channels that need no word of consent in the payload, comma-separated: mail, sms, whatsapp."
    )
    notice_milestones: str = Field("all", description="Milestones that make a message, comma-separated, or all.")
    notice_quiet_hours: str = Field(
        "sms=21:00-09:00,whatsapp=21:00-09:00",
        description="When a channel is silent, in the account's time zone. What falls due then goes out at the end.",
    )
    notice_fresh_seconds: float = Field(
        86400.0, gt=0, description="No message when the latest status is older than this at the moment of sending."
    )
    notice_retry_delays: Annotated[tuple[float, ...], NoDecode] = Field(
        (60.0, 300.0, 1800.0, 7200.0), description="Seconds between the tries to send one message, comma-separated."
    )
    notice_language: str = Field(
        "en", pattern="^[a-z]{2,8}$", description="Language of messages where the payload names none: en, hi, ..."
    )
    notice_country: str = Field(
        "IN", pattern="^[A-Z]{2}$", description="Country of phone numbers that carry no country code."
    )
    notice_brand: str = Field("", max_length=60, description="Your name, as messages to customers show it.")
    templates_dir: str = Field("", description="Folder whose templates stand in for the shipped ones, file by file.")
    endpoint_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Private networks that outgoing webhooks may reach, also over http, e.g. 10.0.0.0/8."
    )
    endpoint_retry_delays: Annotated[tuple[float, ...], NoDecode] = Field(
        (5.0, 300.0, 1800.0, 7200.0, 18000.0, 25200.0, 34200.0),
        min_length=1,
        description="Seconds between the tries to deliver one event to an endpoint, comma-separated.",
    )
    endpoint_timeout: float = Field(15.0, gt=0, le=60, description="Seconds to wait for an endpoint's answer.")
    alarm_urls: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="apprise URLs that get alarms and the daily digest, comma-separated. Secrets."
    )
    alarm_mail_to: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Mail addresses that get alarms and the daily digest, comma-separated."
    )
    alarm_digest_hour: int = Field(9, ge=0, le=23, description="Hour of the day, local, after which the digest goes.")
    alarm_refused_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of refusals among the orders of the last hour, or the newest 50, that raises an alarm.",
    )
    alarm_refused_least: int = Field(10, ge=1, description="So many refusals it takes at least for that alarm.")
    alarm_disk_free: float = Field(
        0.1, ge=0, lt=1, description="Share of the disk that must be free; below it an alarm is raised."
    )

    ask_silent_days: float = Field(
        45.0,
        gt=0,
        description="A shipment without news for so many days is listed for a person, and asked for no more.",
    )
    polling_calls_per_second: float = Field(
        5.0, gt=0, le=1000, description="Calls of updated-order and track-order a second, over all processes."
    )
    webhook_silent_seconds: float = Field(
        3600.0, gt=0, description="Webhooks missing for this long, while polling finds scans, raise an alarm."
    )

    stuck_pickup_hours: float = Field(
        48.0, gt=0, description="A parcel not picked up counts as stuck after so many hours without a scan."
    )
    stuck_transit_hours: float = Field(72.0, gt=0, description="The same, on its way.")
    stuck_delivery_hours: float = Field(48.0, gt=0, description="The same, out for delivery or after a failed one.")
    stuck_return_hours: float = Field(120.0, gt=0, description="The same, on the way back.")

    steps_idle_seconds: float = Field(1.0, gt=0, le=60, description="How long a step sleeps when nothing is due.")
    host: str = Field("127.0.0.1", description="Address that `awbridge serve` listens on.")
    connections: int = Field(
        2000,
        ge=16,
        le=100_000,
        description="Connections that clients may hold at once; half of them between two requests.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses or networks of proxies whose X-Forwarded-For is believed, beside this machine's own.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port that `awbridge serve` listens on. 0 picks a free one.")
    log_format: str = Field("text", pattern="^(text|json)$", description="`text` for people, `json` for machines.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="The least level that is shown.")

    @field_validator(
        "webhook_keys",
        "api_keys",
        "retry_delays",
        "notice_chat_urls",
        "notice_retry_delays",
        "endpoint_networks",
        "trusted_proxies",
        "endpoint_retry_delays",
        "alarm_urls",
        "alarm_mail_to",
        "report_to",
        "report_clickpost_to",
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("archive_options")
    @classmethod
    def _options(cls, value: SecretStr) -> SecretStr:
        read_options(value.get_secret_value())
        return value

    @field_validator("report_to", "report_clickpost_to")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("@" not in address or any(c.isspace() for c in address) for address in value):
            raise ValueError("write mail addresses, comma-separated")
        return value

    @field_validator("report_cron", "retain_cron", "reconcile_cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        return check_cron(value)

    @field_validator("privacy_own", "privacy_clickpost", "privacy_archive")
    @classmethod
    def _privacy(cls, value: str) -> str:
        read_privacy(value)
        return value

    @field_validator("retry_delays", "notice_retry_delays", "endpoint_retry_delays")
    @classmethod
    def _positive(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < delay < 30 * 86400 for delay in value):
            raise ValueError("every delay is a number of seconds above 0 and below 30 days")
        return value

    @field_validator("notice_quiet_hours")
    @classmethod
    def _quiet_hours(cls, value: str) -> str:
        read_quiet_hours(value)
        return value

    @field_validator("notice_consent")
    @classmethod
    def _channels(cls, value: str) -> str:
        read_channels(value)
        return value

    @field_validator("notice_milestones")
    @classmethod
    def _milestones(cls, value: str) -> str:
        read_milestones(value)
        return value

    @field_validator("endpoint_networks", "trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            ip_network(part)
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone; write one like Asia/Kolkata or Asia/Dubai") from None
        return value

    @property
    def longest_try(self) -> float:
        """The seconds that one try to register can last: create-order, and the question what ClickPost holds."""
        return 2 * longest_call(self.clickpost_timeout)

    @model_validator(mode="after")
    def _leases(self) -> Self:
        if self.push_lease_seconds <= self.longest_try:
            raise ValueError(
                f"AWBRIDGE_PUSH_LEASE_SECONDS is {self.push_lease_seconds:g}, but one try can last "
                f"{self.longest_try:g} s (4 times AWBRIDGE_CLICKPOST_TIMEOUT): two workers would register one order "
                "at once. Set it higher"
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The account's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def archives(self) -> bool:
        """Whether there is an archive."""
        return self.archive_url != NO_ARCHIVE

    def check_mail(self) -> None:
        """Raise SettingsError where somebody is to get mail and it is not said how."""
        wanted = self.report_to or self.report_clickpost_to
        if wanted and not (self.smtp_url.get_secret_value() and self.mail_from):
            raise SettingsError("AWBRIDGE_REPORT_TO needs AWBRIDGE_SMTP_URL and AWBRIDGE_MAIL_FROM.")

    def check_vendor(self) -> None:
        """Raise SettingsError unless the account at ClickPost is set."""
        if not self.clickpost_username:
            raise SettingsError("AWBRIDGE_CLICKPOST_USERNAME is not set. It is the username ClickPost gave you.")
        if not self.clickpost_key.get_secret_value():
            raise SettingsError("AWBRIDGE_CLICKPOST_KEY is not set. Copy the API key from your ClickPost profile.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then awbridge.toml."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_options(text: str) -> dict[str, str]:
    """Options as they are written in a setting: name=value, comma-separated. Raises ValueError."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not name.strip() or not equals for name, equals, _ in pairs):
        raise ValueError("write name=value, comma-separated")
    return {name.strip(): option.strip() for name, _, option in pairs}


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. Raises SettingsError that names every wrong one and says what to do."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        lines = [f"{_name(e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in found]
        raise SettingsError("; ".join(lines)) from None
    except ValueError as error:
        raise SettingsError(f"{Path('awbridge.toml')}: {error}") from None


def _name(location: tuple[int | str, ...]) -> str:
    return PREFIX + str(location[0]).upper() if location else "settings"
