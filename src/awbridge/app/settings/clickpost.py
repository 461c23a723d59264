"""Settings of the account at ClickPost and of polling."""

from awbridge.app.setting_fields import Field, SecretStr, SettingsBase
from awbridge.app.setting_types import HostUrl, Positive
from awbridge.domain.tracking.polling_mode import PollingMode


class ClickPostSettings(SettingsBase):
    """The account at ClickPost, and how shipments' updates are fetched there."""

    clickpost_username: str = Field("", example="acme", description="Your username at ClickPost.")
    clickpost_key: SecretStr = Field(
        SecretStr(""), example="the-key-of-your-profile", description="Your API key at ClickPost. A secret."
    )
    clickpost_url: HostUrl = Field("https://www.clickpost.in", description="ClickPost's main host.")
    clickpost_tracking_url: HostUrl = Field("https://api.clickpost.in", description="ClickPost's host for track-order.")
    clickpost_serviceability_url: HostUrl = Field(
        "https://serviceability.clickpost.in", description="ClickPost's host for serviceability."
    )
    clickpost_edd_url: HostUrl = Field("https://ds.clickpost.in", description="ClickPost's host for delivery dates.")
    clickpost_timeout: float = Field(
        15.0, gt=0, le=120, description="Seconds to wait on the network for a response from ClickPost."
    )
    clickpost_connections: int = Field(120, ge=1, le=500, description="Connections to ClickPost kept by one process.")

    webhook_z_means_utc: bool = Field(
        False, description="Whether a trailing Z of a scan time means UTC. ClickPost puts local time before a Z."
    )
    webhook_silent_seconds: Positive = Field(
        3600.0, description="Seconds without webhooks, while polling finds scans, that raise an alarm."
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
    poll_silent_days: Positive = Field(
        45.0, description="Days without an update after which a shipment is no longer polled and needs a person."
    )
    polling_calls_per_second: float = Field(
        5.0, gt=0, le=1000, description="Calls of updated-order and track-order per second over all processes."
    )
