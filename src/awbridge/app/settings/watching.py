"""Settings of watching: where `work` shows its metrics, where traces go."""

from awbridge.app.setting_fields import Field, SecretStr, SettingsBase
from awbridge.app.setting_types import CollectorUrl, Options


class WatchSettings(SettingsBase):
    """Metrics of `awbridge work`, and traces."""

    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port on AWBRIDGE_HOST at which `awbridge work` answers /metrics, /healthz and /readyz. 0: none.",
    )
    traces_url: CollectorUrl = Field(
        "",
        example="http://localhost:4318",
        description="OpenTelemetry collector that receives traces by OTLP over HTTP, such as http://localhost:4318. "
        "Empty: there are no traces.",
    )
    traces_share: float = Field(1.0, ge=0, le=1, description="Share of the traces that are made, whole ones.")
    traces_headers: Options = Field(
        SecretStr(""),
        example="authorization=Bearer ...",
        description="Headers for the collector: name=value, comma-separated. A secret.",
    )
