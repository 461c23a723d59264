"""Every setting of the service: typed, described, validated. One module a group; `Settings` has them all."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from awbridge.app.settings.access import AccessSettings
from awbridge.app.settings.backup import BackupSettings
from awbridge.app.settings.brand import BrandSettings
from awbridge.app.settings.clickpost import ClickPostSettings, PollingSettings
from awbridge.app.settings.customer_page import CustomerPageSettings
from awbridge.app.settings.messages import AlarmSettings, EndpointSettings, NoticeSettings, ReportSettings
from awbridge.app.settings.orders import CourierSettings, LabelSettings, PushSettings, StuckSettings
from awbridge.app.settings.process import AccountsSettings, DatabaseSettings, ServerSettings, TimeSettings
from awbridge.app.settings.records import ArchiveSettings, PrivacySettings, ReconciliationSettings
from awbridge.app.settings.retention import RetentionSettings
from awbridge.app.settings.watching import WatchSettings
from awbridge.domain.errors import SettingsError

if TYPE_CHECKING:
    from awbridge.app.settings.sources import WrittenAccounts
    from awbridge.domain.privacy import Privacy
    from awbridge.domain.tracking.overdue import StuckAfter

PREFIX = "AWBRIDGE_"
NO_ARCHIVE = NO_BACKUPS = "none"


class Settings(
    DatabaseSettings,
    ClickPostSettings,
    AccessSettings,
    TimeSettings,
    PushSettings,
    CourierSettings,
    PollingSettings,
    StuckSettings,
    LabelSettings,
    ArchiveSettings,
    BackupSettings,
    ReportSettings,
    PrivacySettings,
    RetentionSettings,
    ReconciliationSettings,
    NoticeSettings,
    CustomerPageSettings,
    BrandSettings,
    EndpointSettings,
    AlarmSettings,
    AccountsSettings,
    ServerSettings,
    WatchSettings,
):
    """The settings of the home, as `load_settings` reads them, or of an account (`app/accounts`).

    `account`: the account's name, "" for the home; `account_title`: what pages call it. `schema`: where its tables are
    in PostgreSQL, "" for the default. `accounts`: what is configured of others, for the home alone.
    """

    beside = ("account", "account_title", "schema", "accounts")
    account: str = ""
    account_title: str = ""
    schema: str = ""
    accounts: "WrittenAccounts | None" = None

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
            *((("backup", self.backup_cron),) if self.backs_up else ()),
        )

    def privacy(self, policy: str) -> "Privacy":
        """Read one of the privacy policies, with the key for pseudonyms. Raises ValueError."""
        from awbridge.domain.privacy_setting import read_privacy

        return read_privacy(policy, key=self.privacy_key.get_secret_value())

    @property
    def archives(self) -> bool:
        """Whether calls are archived."""
        return self.archive_url != NO_ARCHIVE

    @property
    def backs_up(self) -> bool:
        """Whether awbridge makes the backups: of a SQLite file, and not switched off."""
        return self.database_url.startswith("sqlite:") and self.backup_url != NO_BACKUPS

    def check_mail(self) -> None:
        """Raise SettingsError when reports have recipients but no mail server or sender is set."""
        wanted = self.report_to or self.report_clickpost_to
        if wanted and not (self.smtp_url.get_secret_value() and self.mail_from):
            needed = " and ".join(map(self.shown_name, ("smtp_url", "mail_from")))
            raise SettingsError(f"{self.shown_name('report_to')} needs {needed}.")

    def check_vendor(self) -> None:
        """Raise SettingsError unless the ClickPost account is set."""
        if not self.clickpost_username:
            name = self.shown_name("clickpost_username")
            raise SettingsError(f"{name} is not set. It is the username ClickPost gave you.")
        if not self.clickpost_key.get_secret_value():
            name = self.shown_name("clickpost_key")
            raise SettingsError(f"{name} is not set. Copy the API key from your ClickPost profile.")

    def shown_name(self, setting: str) -> str:
        """How a setting is called where it is set: its variable, or its name in the table of the account."""
        return f"[accounts.{self.account}] {setting}" if self.account else PREFIX + setting.upper()
