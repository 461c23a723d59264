"""Settings of the account at ClickPost and of polling."""

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import HostUrl, Positive
from awbridge.app.settings.values import SecretStr
from awbridge.domain.tracking.polling_mode import PollingMode


class ClickPostSettings(SettingsBase, group="ClickPost"):
    """The account at ClickPost, and its hosts."""

    clickpost_username: str = Field(
        "",
        example="acme",
        sharing=Sharing.OWN,
        description="Your username at ClickPost, required for every call to ClickPost.",
    )
    clickpost_key: SecretStr = Field(
        SecretStr(""),
        example="the-key-of-your-profile",
        sharing=Sharing.OWN,
        description="Your API key at ClickPost, from your profile there.",
    )
    clickpost_url: HostUrl = Field(
        "https://www.clickpost.in", description="The main host: create, cancel, accounts, webhook registration."
    )
    clickpost_tracking_url: HostUrl = Field(
        "https://api.clickpost.in", description="The host for track-order and updated-order."
    )
    clickpost_serviceability_url: HostUrl = Field(
        "https://serviceability.clickpost.in", description="The host for serviceability."
    )
    clickpost_edd_url: HostUrl = Field("https://ds.clickpost.in", description="The host for predicted delivery dates.")
    clickpost_timeout: float = Field(
        15.0,
        gt=0,
        le=120,
        description="Seconds to wait on the network for a response; a complete response may take twice this.",
    )
    clickpost_connections: int = Field(
        120, ge=1, le=500, description="Connections to ClickPost that one process keeps."
    )


class PollingSettings(SettingsBase, group="Polling"):
    """How updates that webhooks missed are fetched."""

    catch_up_window_seconds: float = Field(
        600.0,
        gt=0,
        le=1800,
        description="Seconds of the longest window requested from updated-order at once; ClickPost allows "
        "1800. The usual window is half of it, at most 5 minutes.",
    )
    catch_up_lag_seconds: float = Field(
        60.0,
        ge=0,
        description="Seconds that these windows end behind now, so that late writes at ClickPost are included.",
    )
    polling: PollingMode = Field(
        PollingMode.GUIDE,
        description="`guide`: track-order is called for every open shipment once a day, as ClickPost's "
        "integration guide requires, and once more when it has ended. `economical`: only for shipments without "
        "an update for a day ([what polling "
        "costs](docs/how-to/operate/operations.md#what-polling-does-and-what-it-costs)).",
    )
    poll_after_seconds: Positive = Field(
        86400.0,
        description="Seconds after the last poll, or with `economical` after the last update, until a shipment "
        "is polled: the length of that day.",
    )
    poll_again_seconds: Positive = Field(
        7200.0,
        description="Seconds within which a shipment is never polled twice, whatever the reason. ClickPost "
        "itself polls couriers that often.",
    )
    poll_silent_days: Positive = Field(
        45.0,
        description="A shipment without an update for this many days is no longer polled; `awbridge shipments "
        "silent` lists it.",
    )
    polling_calls_per_second: float = Field(
        5.0,
        gt=0,
        le=1000,
        description="The maximum calls of updated-order and track-order per second, over all processes on one "
        "database.",
    )
    webhook_silent_seconds: Positive = Field(
        3600.0,
        description="Seconds without webhooks, while polling finds scans, that raise the alarm `webhooks.silent`.",
    )
