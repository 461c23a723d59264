"""Settings of the process: its database, its folder, its address, its logs."""

from awbridge.app.setting_fields import Field, SettingsBase
from awbridge.app.setting_types import DatabaseUrl, Networks, TimeZone


class ProcessSettings(SettingsBase):
    """The process: database, folder, address, logs, time."""

    database_url: DatabaseUrl = Field(
        "sqlite:///awbridge.db",
        description="Where everything is stored: sqlite:///file.db or postgresql://user:password@host/database.",
        example="postgresql://user:password@db.example.com/awbridge",
        secret=True,
    )
    database_connections: int = Field(10, ge=2, le=200, description="PostgreSQL connections that a process may open.")
    migrate_on_start: bool = Field(True, description="Whether commands migrate the schema themselves.")
    data_dir: str = Field("awbridge-data", description="Folder for this machine's files: archive files, reports.")
    unrecorded_mib: float = Field(
        256.0, ge=0, le=65536, description="MiB of calls kept in the data folder while the database is unavailable."
    )

    time_zone: TimeZone = Field(
        "Asia/Kolkata", description="The account's time zone, used for scan times without an offset."
    )
    steps_idle_seconds: float = Field(1.0, gt=0, le=60, description="Seconds that a step sleeps when nothing is due.")
    host: str = Field("127.0.0.1", description="Address that `awbridge serve` listens on.")
    connections: int = Field(
        2000,
        ge=16,
        le=100_000,
        description="Connections that clients may hold at once; at most half of them idle.",
    )
    keep_alive_seconds: float = Field(
        130.0,
        ge=1,
        le=86400,
        description="Seconds that an idle connection stays open. More than proxies in front keep theirs.",
    )
    trusted_proxies: Networks = Field(
        (),
        example="10.0.0.0/8,192.0.2.7",
        description="Addresses or networks of proxies whose X-Forwarded-For is trusted, besides this machine's own.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port that `awbridge serve` listens on. 0: a free one.")
    log_format: str = Field(
        "text", pattern="text|json", form="text or json", description="`text` for people, `json` for machines."
    )
    log_level: str = Field(
        "info",
        pattern="debug|info|warning|error",
        form="debug, info, warning or error",
        description="Lowest level that is logged.",
    )
