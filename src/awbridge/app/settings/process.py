"""Settings of the process: its database, its time, its accounts, its address, its logs."""

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import DatabaseUrl, Networks, ReplicaUrl, SealingKeys, TimeZone


class DatabaseSettings(SettingsBase, group="Database"):
    """Where everything is stored."""

    database_url: DatabaseUrl = Field(
        "sqlite:///awbridge.db",
        example="postgresql://user:password@db.example.com/awbridge",
        secret=True,
        sharing=Sharing.DERIVED,
        description="Where everything is stored: `sqlite:///file.db` (relative), "
        "`sqlite:////var/lib/awbridge/file.db` (absolute) or `postgresql://user:password@host/database`. "
        "[Several hosts](docs/how-to/operate/operations.md#a-primary-that-changes) are separated by commas.",
    )
    database_connections: int = Field(
        10,
        ge=2,
        le=200,
        sharing=Sharing.PROCESS,
        description="Connections to PostgreSQL that one process may open; no effect on SQLite.",
    )
    database_read_url: ReplicaUrl = Field(
        "",
        example="postgresql://user:password@replica.example.com/awbridge",
        secret=True,
        description="A read replica (standby) of the PostgreSQL database. Pages, lists, exports and `/metrics` are "
        "read from it ([what is and what is not](docs/how-to/deploy/growth.md#2-read-replicas)). Each process opens up "
        "to `AWBRIDGE_DATABASE_CONNECTIONS` connections to it.",
    )
    database_read_max_age_seconds: float = Field(
        10.0,
        ge=1,
        le=600,
        description="By how much the read replica may lag. While it lags more, the database itself is read.",
    )
    migrate_on_start: bool = Field(
        True,
        sharing=Sharing.PROCESS,
        description="Whether commands migrate the schema themselves; if `false`, they refuse to start on an "
        "old schema until `awbridge migrate` has run "
        "([upgrades](docs/how-to/operate/operations.md#upgrading-replicas-one-by-one)).",
    )


class TimeSettings(SettingsBase, group="Time"):
    """How times without an offset, and days, are read."""

    time_zone: TimeZone = Field(
        "Asia/Kolkata",
        description="The account's zone, used for scan times without an offset, for `--from` and `--to` of "
        "`catch-up`, and for the days of `reconcile`.",
    )
    webhook_z_means_utc: bool = Field(
        False, description="Whether a trailing `Z` of a scan time means UTC; ClickPost puts local time before a `Z`."
    )


class AccountsSettings(SettingsBase, group="Accounts", sharing=Sharing.PROCESS):
    """[Several accounts](docs/how-to/deploy/accounts.md) in one service, each in `[accounts.NAME]` of the file of
    settings or added by `awbridge accounts add`.
    """

    accounts_key: SealingKeys = Field(
        (),
        example="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        description="Keys that encrypt secrets of accounts in the database, as `awbridge accounts key` prints them. "
        "The first one encrypts, all of them decrypt ([rotation](docs/how-to/deploy/accounts.md#the-key)). "
        "Secrets in files and variables need none. Needs `awbridge[accounts]`.",
    )
    accounts_awake: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Accounts that one process opens for their work at the same time; requests and webhooks open any. "
        "An account that is open takes about 4 MiB, one without work or requests nothing.",
    )


class ServerSettings(SettingsBase, group="The process", sharing=Sharing.PROCESS):
    """The process: its address, its connections, its logs."""

    host: str = Field(
        "127.0.0.1",
        description="The address that `awbridge serve` listens on; callers without an API key may use a name "
        "given here.",
    )
    port: int = Field(8000, ge=0, le=65535, description="The port of `awbridge serve`; 0 picks a free one.")
    connections: int = Field(
        2000,
        ge=16,
        le=100_000,
        description="Client connections that may be open at once, half of them idle. `serve` raises the soft "
        "limit of open files for them (`ulimit -n`) up to the hard one "
        "([limits](docs/how-to/operate/operations.md#limits-of-the-http-server)).",
    )
    keep_alive_seconds: float = Field(
        130.0,
        ge=1,
        le=86400,
        description="Seconds that an idle connection stays open: more than a proxy in front keeps its own "
        "([limits](docs/how-to/operate/operations.md#limits-of-the-http-server)).",
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        le=120,
        description="Seconds that `serve` continues to serve after SIGTERM while `/readyz` is 503, so that "
        "load balancers leave it first ([stopping](docs/how-to/operate/operations.md#stopping)). SIGINT stops at "
        "once.",
    )
    trusted_proxies: Networks = Field(
        (),
        example="10.0.0.0/8,192.0.2.7",
        description="Addresses or networks of proxies on other machines whose `X-Forwarded-For` names the "
        "caller. A proxy on this machine is always trusted.",
    )
    steps_idle_seconds: float = Field(1.0, gt=0, le=60, description="Seconds between two looks for due work.")
    log_format: str = Field(
        "text", pattern="text|json", form="text or json", description="`text` for people, `json` for machines."
    )
    log_level: str = Field(
        "info",
        pattern="debug|info|warning|error",
        form="debug, info, warning or error",
        description="The lowest level that is logged.",
    )
