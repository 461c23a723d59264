"""Every setting of the service: typed, described, validated."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from awbridge.app.customer_page_settings import CustomerPageSettings
from awbridge.app.setting_fields import Field, SecretStr
from awbridge.app.setting_types import (
    Addresses,
    Channels,
    Cron,
    Days,
    Delays,
    IdentityRoles,
    Milestones,
    Networks,
    Options,
    Positive,
    PrivacyPolicy,
    QuietHours,
    Secrets,
    Texts,
    TimeZone,
)
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import SettingsError
from awbridge.domain.handover.labels_ahead import LabelsAhead
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS
from awbridge.domain.tracking.polling_mode import PollingMode

if TYPE_CHECKING:
    from awbridge.domain.privacy import Privacy
    from awbridge.domain.tracking.overdue import StuckAfter

PREFIX = "AWBRIDGE_"
NO_ARCHIVE = "none"


class Settings(CustomerPageSettings):
    """The service's settings, as `load_settings` reads them."""

    database_url: str = Field(
        "sqlite:///awbridge.db",
        description="Where everything is stored: sqlite:///file.db or postgresql://user:password@host/database.",
    )
    database_connections: int = Field(10, ge=2, le=200, description="PostgreSQL connections that a process may open.")
    migrate_on_start: bool = Field(True, description="Whether commands migrate the schema themselves.")

    clickpost_username: str = Field("", description="Your username at ClickPost.")
    clickpost_key: SecretStr = Field(SecretStr(""), description="Your API key at ClickPost. A secret.")
    clickpost_url: str = Field("https://www.clickpost.in", description="ClickPost's main host.")
    clickpost_tracking_url: str = Field("https://api.clickpost.in", description="ClickPost's host for track-order.")
    clickpost_serviceability_url: str = Field(
        "https://serviceability.clickpost.in", description="ClickPost's host for serviceability."
    )
    clickpost_edd_url: str = Field("https://ds.clickpost.in", description="ClickPost's host for delivery dates.")
    clickpost_timeout: float = Field(
        15.0, gt=0, le=120, description="Seconds to wait on the network for a response from ClickPost."
    )
    clickpost_connections: int = Field(120, ge=1, le=500, description="Connections to ClickPost kept by one process.")

    webhook_keys: Secrets = Field(
        (),
        description="Keys that webhooks may carry, in a header (webhook_key, X-Api-Key, Authorization) or in the URL; "
        "comma-separated for rotation. Keys stored by `awbridge webhook register` are accepted too. Secrets.",
    )
    api_keys: Secrets = Field(
        (),
        description="Keys of the HTTP API, comma-separated. Without any, only loopback callers are allowed. Secrets.",
    )
    oidc_issuer: str = Field(
        "", description="URL of your identity provider (OpenID Connect) for signing in to the pages. Empty: none."
    )
    oidc_client_id: str = Field("", description="Client id that the identity provider gave you for awbridge.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Its client secret, if it has one. A secret.")
    oidc_domains: Texts = Field(
        (), description="Mail domains whose people may sign in through it without being added, as viewers."
    )
    oidc_role_claim: str = Field("", description="Claim that gives people their role, such as groups.")
    oidc_roles: IdentityRoles = Field("", description="Role for each value of that claim: value=role, comma-separated.")
    time_zone: TimeZone = Field(
        "Asia/Kolkata", description="The account's time zone, used for scan times without an offset."
    )
    webhook_z_means_utc: bool = Field(
        False, description="Whether a trailing Z of a scan time means UTC. ClickPost puts local time before a Z."
    )

    push_batch: int = Field(100, ge=1, le=1000, description="Shipments that push claims at once, at most.")
    push_concurrency: int = Field(
        100, ge=1, le=200, description="Concurrent calls to create-order in one process, at most."
    )
    push_lease_seconds: float = Field(
        120.0,
        ge=1,
        description="How long claimed shipments belong to one worker. More than 4 times AWBRIDGE_CLICKPOST_TIMEOUT.",
    )
    push_rate: float = Field(
        0.0, ge=0, le=10_000, description="Calls to create-order per second over all processes. 0: no limit."
    )
    retry_delays: Delays = Field(
        DEFAULT_RETRY_DELAYS,
        min_length=3,
        description="Seconds before each retry, comma-separated, at least 3. After the last one the shipment gives up.",
    )
    waiting_seconds: Positive = Field(30.0, description="Seconds between checks of an asynchronous courier's order.")
    waiting_deadline_seconds: Positive = Field(
        3600.0, description="Seconds an asynchronous courier may take before that counts as a failed attempt."
    )
    cancel_deadline_seconds: Positive = Field(
        259_200.0, description="Seconds a courier may take to confirm a cancellation before a person is needed."
    )
    cancel_updates_status: bool = Field(
        False, description="Whether ClickPost sets the tracking status to Cancelled once the courier has agreed."
    )
    hold_seconds: Positive = Field(
        300.0, description="Seconds that an account with wrong credentials is held before one shipment probes it."
    )
    breaker_failures: int = Field(
        10, ge=2, description="Failed calls of one account within the window that open its breaker."
    )
    breaker_rate: float = Field(0.5, gt=0, le=1, description="Share of calls that must also fail to open the breaker.")
    breaker_window_seconds: Positive = Field(60.0, description="The window in which the breaker counts.")
    probe_seconds: Positive = Field(60.0, description="Seconds between probes of an account whose breaker is open.")
    ramp_until: int = Field(
        64, ge=1, le=10_000, description="After a downtime, shipments go out 1, 2, 4, ... at a time, up to this many."
    )

    allocation: Allocation = Field(
        Allocation.RULES,
        description="How orders without a courier get one: off, rules, recommendation or rules-then-recommendation.",
    )
    fallback_failures: int = Field(
        3, ge=1, le=100, description="Transient refusals by a courier before its fallback is tried."
    )
    fallback_window_seconds: Positive = Field(
        86400.0, description="Only shipments that failed within this time move to a fallback."
    )
    courier_comparison_seconds: float = Field(
        86400.0,
        ge=0,
        description="Seconds between comparisons of the accounts at ClickPost with the mapping. 0: never.",
    )

    catch_up_window_seconds: float = Field(
        600.0, gt=0, le=1800, description="Length of one updated-order window. ClickPost allows 1800."
    )
    catch_up_lag_seconds: float = Field(
        60.0, ge=0, description="Seconds that windows end behind now, to include late writes at ClickPost."
    )
    polling: PollingMode = Field(
        PollingMode.GUIDE,
        description="guide: track-order is called once a day for every open shipment, as ClickPost's integration guide "
        "requires. economical: only for shipments without an update for a day.",
    )
    poll_after_seconds: Positive = Field(
        86400.0, description="Seconds after the last poll, or the last update, until a shipment is polled."
    )
    poll_again_seconds: Positive = Field(7200.0, description="Minimum seconds between two polls of one shipment.")

    reconcile_dir: str = Field("", description="A folder watched for ClickPost reports to reconcile. Empty: none.")
    reconcile_ask_seconds: float = Field(
        30.0, gt=0, le=3600, description="Seconds between checks of a requested dashboard report."
    )
    reconcile_cron: Cron = Field("30 2 * * *", description="When the previous day is reconciled.")

    data_dir: str = Field("awbridge-data", description="Folder for this machine's files: archive files, reports.")
    unrecorded_mib: float = Field(
        256.0, ge=0, le=65536, description="MiB of calls kept in the data folder while the database is unavailable."
    )
    archive_url: str = Field(
        "",
        description="Where failed calls are archived: s3://bucket/prefix, gs://, az:// or file:///folder. Empty: "
        "AWBRIDGE_DATA_DIR. none: no archive.",
    )
    archive_options: Options = Field(
        SecretStr(""),
        description="The storage's options: region=ap-south-1,endpoint=https://... Empty: those of the environment and "
        "the machine's role. A secret.",
    )
    archive_all_calls: bool = Field(False, description="Whether successful calls are archived too.")
    archive_file_mib: float = Field(8.0, gt=0, le=256, description="MiB of bodies in one file, before compression.")
    archive_seconds: float = Field(300.0, ge=1, le=86400, description="Maximum seconds until a call is in a file.")
    archive_timeout: float = Field(60.0, gt=0, le=600, description="Seconds to upload or download one file.")

    smtp_url: SecretStr = Field(
        SecretStr(""), description="The mail server: smtp://user:password@host:587 or smtps://host:465. A secret."
    )
    mail_from: str = Field("", description="Sender of reports: awbridge <bridge@shop.example>.")
    report_cron: Cron = Field("30 0 * * *", description="When the failures of the previous day are reported.")
    report_to: Addresses = Field((), description="Your own recipients of reports, comma-separated.")
    report_clickpost_to: Addresses = Field(
        (), description="Recipients of reports at ClickPost, comma-separated; masked by AWBRIDGE_PRIVACY_CLICKPOST."
    )
    report_empty_days: bool = Field(True, description="Whether a day without failures sends a one-line mail.")

    privacy_own: PrivacyPolicy = Field(
        "phone=mask,name=mask,email=mask,address=mask",
        description="How your own reports and evidence treat personal data.",
    )
    privacy_clickpost: PrivacyPolicy = Field(
        "phone=mask,name=mask,email=mask,address=keep",
        description="How reports and evidence for ClickPost treat personal data.",
    )
    privacy_archive: PrivacyPolicy = Field(
        "phone=pseudonym,name=mask,email=pseudonym,address=mask", description="How the archive treats personal data."
    )
    privacy_key: SecretStr = Field(
        SecretStr(""), description="Key for pseudonyms. Without it, pseudonyms are masked. A secret."
    )

    retain_cron: Cron = Field("15 3 * * *", description="When old rows are deleted.")
    retain_attempts_days: Days = Field(90, description="Days that calls are kept. 0: forever.")
    retain_inbox_days: Days = Field(30, description="Days that applied deliveries are kept.")
    retain_scans_days: Days = Field(0, description="Days that scans of ended shipments are kept.")
    retain_payloads_days: Days = Field(
        180, description="Days until personal data are removed from the payloads of ended shipments."
    )
    retain_reports_days: Days = Field(365, description="Days that reports are kept.")
    retain_runs_days: Days = Field(
        90, description="Days that awbridge's own records (runs, cleared alarms, polled windows) are kept."
    )
    retain_events_days: Days = Field(90, description="Days that delivered events are kept.")
    retain_notices_days: Days = Field(180, description="Days that settled notices are kept.")
    retain_actions_days: Days = Field(365, description="Days that finished actions are kept.")
    retain_reconciliations_days: Days = Field(180, description="Days that reconciliations and differences are kept.")
    retain_labels_days: Days = Field(14, description="Days that fetched labels are kept. They can be fetched again.")
    retain_manifests_days: Days = Field(365, description="Days that hand-over manifests and print runs are kept.")
    retain_audit_days: Days = Field(730, description="Days that the audit log is kept. 0: forever.")
    retain_archive_days: Days = Field(0, description="Days that archived files are kept.")

    labels_ahead: LabelsAhead = Field(
        LabelsAhead.AUTO,
        description="When labels are fetched: auto (ahead, for courier accounts whose labels were printed here in the "
        "last 7 days), always or never (only when they are printed).",
    )
    label_mib: float = Field(10.0, gt=0, le=100, description="Maximum MiB of one label.")
    label_timeout: float = Field(20.0, gt=0, le=60, description="Seconds to fetch one label.")

    notice_mail_from: str = Field("", description="Sender of mails, e.g. Acme <orders@acme.example>.")
    notice_mail: bool = Field(False, description="Whether customers get mail. Operators use AWBRIDGE_ALARM_MAIL_TO.")
    notice_sms_url: SecretStr = Field(
        SecretStr(""), description="apprise URL for SMS to customers, with {to} in it. Empty: no SMS. A secret."
    )
    notice_whatsapp_url: SecretStr = Field(
        SecretStr(""), description="apprise URL for WhatsApp to customers, with {to} in it. Empty: none. A secret."
    )
    notice_chat_urls: Secrets = Field(
        (), description="apprise URLs of your own team's chats that receive every milestone, comma-separated. Secrets."
    )
    notice_timeout: float = Field(30.0, ge=1, le=120, description="Seconds to wait for SMS, WhatsApp or chat services.")
    notice_consent: Channels = Field(
        "", description="Channels that need no consent in the payload, comma-separated: mail, sms, whatsapp."
    )
    notice_milestones: Milestones = Field("all", description="Milestones that are messaged, comma-separated, or all.")
    notice_quiet_hours: QuietHours = Field(
        "sms=21:00-09:00,whatsapp=21:00-09:00",
        description="Hours in which a channel sends nothing, in the account's time zone. Messages go out afterwards.",
    )
    notice_fresh_seconds: Positive = Field(
        86400.0, description="Maximum age of the latest status for a message to be sent."
    )
    notice_retry_delays: Delays = Field(
        (60.0, 300.0, 1800.0, 7200.0), description="Seconds before each retry of a message, comma-separated."
    )
    notice_language: str = Field(
        "en", pattern="^[a-z]{2,8}$", description="Language of messages when the payload names none: en, hi, ..."
    )
    notice_country: str = Field("IN", pattern="^[A-Z]{2}$", description="Country of phone numbers without its code.")
    notice_brand: str = Field("", max_length=60, description="Your brand name in messages to customers.")
    templates_dir: str = Field("", description="Folder of templates that replace the shipped ones, file by file.")
    endpoint_networks: Networks = Field(
        (), description="Private networks that outgoing webhooks may reach, also over http, e.g. 10.0.0.0/8."
    )
    endpoint_retry_delays: Delays = Field(
        (5.0, 300.0, 1800.0, 7200.0, 18000.0, 25200.0, 34200.0),
        min_length=1,
        description="Seconds before each retry of an event delivery, comma-separated.",
    )
    endpoint_timeout: float = Field(15.0, gt=0, le=60, description="Seconds to wait for an endpoint's response.")
    alarm_urls: Secrets = Field(
        (), description="apprise URLs that receive alarms and the daily digest, comma-separated. Secrets."
    )
    alarm_mail_to: Texts = Field(
        (), description="Mail addresses that receive alarms and the daily digest, comma-separated."
    )
    alarm_digest_hour: int = Field(
        9, ge=0, le=23, description="Hour of the day, in the account's time zone, after which the digest is sent."
    )
    alarm_refused_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of refused orders, among those of the last hour or the newest 50, that raises an alarm.",
    )
    alarm_refused_least: int = Field(10, ge=1, description="Minimum number of refused orders for that alarm.")
    alarm_disk_free: float = Field(
        0.1, ge=0, lt=1, description="Minimum free share of the disk; below it an alarm is raised."
    )

    poll_silent_days: Positive = Field(
        45.0, description="Days without an update after which a shipment is no longer polled and needs a person."
    )
    polling_calls_per_second: float = Field(
        5.0, gt=0, le=1000, description="Calls of updated-order and track-order per second over all processes."
    )
    webhook_silent_seconds: Positive = Field(
        3600.0, description="Seconds without webhooks, while polling finds scans, that raise an alarm."
    )

    stuck_pickup_hours: Positive = Field(
        48.0, description="Hours without a scan after which a parcel awaiting pickup counts as stuck."
    )
    stuck_transit_hours: Positive = Field(72.0, description="The same for a parcel in transit.")
    stuck_delivery_hours: Positive = Field(
        48.0, description="The same for a parcel out for delivery or after a failed delivery."
    )
    stuck_return_hours: Positive = Field(120.0, description="The same for a parcel returning.")

    steps_idle_seconds: float = Field(1.0, gt=0, le=60, description="Seconds that a step sleeps when nothing is due.")
    host: str = Field("127.0.0.1", description="Address that `awbridge serve` listens on.")
    connections: int = Field(
        2000,
        ge=16,
        le=100_000,
        description="Connections that clients may hold at once; at most half of them idle.",
    )
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks of proxies whose X-Forwarded-For is trusted, besides this machine's own."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port that `awbridge serve` listens on. 0: a free one.")
    log_format: str = Field("text", pattern="^(text|json)$", description="`text` for people, `json` for machines.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Lowest level that is logged.")

    @property
    def longest_try(self) -> float:
        """Maximum seconds of one registration attempt: create-order, then the lookup of what ClickPost holds."""
        from awbridge.domain.call import longest_call

        return 2 * longest_call(self.clickpost_timeout)

    def contradictions(self) -> Iterator[str]:
        """What is wrong with values that are right by themselves."""
        if self.push_lease_seconds <= self.longest_try:
            yield (
                f"AWBRIDGE_PUSH_LEASE_SECONDS is {self.push_lease_seconds:g}, but one attempt can last "
                f"{self.longest_try:g} s (4 times AWBRIDGE_CLICKPOST_TIMEOUT): two workers would register one order "
                "at once. Increase it"
            )

    @property
    def zone(self) -> ZoneInfo:
        """The account's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def stuck_after(self) -> "StuckAfter":
        """When a parcel counts as stuck."""
        from awbridge.domain.tracking.overdue import StuckAfter

        return StuckAfter(
            pickup=timedelta(hours=self.stuck_pickup_hours),
            transit=timedelta(hours=self.stuck_transit_hours),
            delivery=timedelta(hours=self.stuck_delivery_hours),
            way_back=timedelta(hours=self.stuck_return_hours),
        )

    @property
    def crons(self) -> tuple[tuple[str, str], ...]:
        """Every scheduled job: name and cron expression."""
        return (
            ("report-failures", self.report_cron),
            ("retain", self.retain_cron),
            ("reconcile", self.reconcile_cron),
        )

    def privacy(self, policy: str) -> "Privacy":
        """Read one of the privacy policies, with the key for pseudonyms. Raises ValueError."""
        from awbridge.domain.privacy_setting import read_privacy

        return read_privacy(policy, key=self.privacy_key.get_secret_value())

    @property
    def archives(self) -> bool:
        """Whether calls are archived."""
        return self.archive_url != NO_ARCHIVE

    def check_mail(self) -> None:
        """Raise SettingsError when reports have recipients but no mail server or sender is set."""
        wanted = self.report_to or self.report_clickpost_to
        if wanted and not (self.smtp_url.get_secret_value() and self.mail_from):
            raise SettingsError("AWBRIDGE_REPORT_TO needs AWBRIDGE_SMTP_URL and AWBRIDGE_MAIL_FROM.")

    def check_vendor(self) -> None:
        """Raise SettingsError unless the ClickPost account is set."""
        if not self.clickpost_username:
            raise SettingsError("AWBRIDGE_CLICKPOST_USERNAME is not set. It is the username ClickPost gave you.")
        if not self.clickpost_key.get_secret_value():
            raise SettingsError("AWBRIDGE_CLICKPOST_KEY is not set. Copy the API key from your ClickPost profile.")
