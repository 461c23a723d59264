"""Settings of watching: where `work` shows its metrics, where traces go."""

from awbridge.app.setting_fields import Field, SettingsBase


class WatchSettings(SettingsBase):
    """Metrics of `awbridge work`, and traces."""

    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port on AWBRIDGE_HOST at which `awbridge work` answers /metrics, /healthz and /readyz. 0: none.",
    )
