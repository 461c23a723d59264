"""Settings of backups."""

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import Cron, Days


class BackupSettings(SettingsBase, group="Backups"):
    """Of a SQLite database; [PostgreSQL](docs/how-to/deploy/backup.md#postgresql) is backed up by its own tools."""

    backup_url: str = Field(
        "",
        example="s3://bucket/backups",
        sharing=Sharing.DERIVED,
        description="Where [backups](docs/how-to/deploy/backup.md) of a SQLite database are stored: "
        "`s3://bucket/prefix`, `gs://`, `az://` or `file:///folder`, with `AWBRIDGE_ARCHIVE_OPTIONS`. Empty: "
        "where the archive is, else `AWBRIDGE_DATA_DIR`. `none`: no backups, and no alarm.",
    )
    backup_cron: Cron = Field("45 1 * * *", description="When a SQLite database is backed up, in the account's zone.")
    backup_keep_days: Days = Field(
        14, description="Days that backups are kept; the newest stays however old it is. 0: forever."
    )
    backup_timeout: float = Field(
        3600.0, gt=0, le=86400, description="Seconds to make a backup, and to upload or download it."
    )
    backup_alarm_hours: float = Field(
        36.0,
        gt=0,
        le=8760,
        description="Hours without a backup that raise the [alarm](docs/how-to/operate/alarms.md) `backup`; on "
        "PostgreSQL once one was recorded.",
    )
