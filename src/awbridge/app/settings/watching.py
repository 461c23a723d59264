"""Settings of watching: where `work` shows its metrics, where traces go."""

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import CollectorUrl, Options
from awbridge.app.settings.values import SecretStr


class WatchSettings(SettingsBase, group="Metrics and traces", sharing=Sharing.PROCESS):
    """Where `work` shows its metrics, and where traces go."""

    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="The port on `AWBRIDGE_HOST` at which `awbridge work` answers `/metrics`, `/healthz` and "
        "`/readyz`, with the API keys of `serve`; 0: none.",
    )
    traces_url: CollectorUrl = Field(
        "",
        example="http://localhost:4318",
        description="The OpenTelemetry collector that receives "
        "[traces](docs/how-to/operate/operations.md#traces) by OTLP over HTTP. `/v1/traces` is added unless the "
        "URL has a path. Empty: no traces.",
    )
    traces_share: float = Field(
        1.0, ge=0, le=1, description="The share of the traces that are made, 0 to 1; always whole ones."
    )
    traces_headers: Options = Field(
        SecretStr(""),
        example="authorization=Bearer ...",
        description="Headers for the collector, such as its credentials.",
    )
