"""Settings of backups."""

from awbridge.app.setting_fields import Field, SettingsBase
from awbridge.app.setting_types import Cron, Days


class BackupSettings(SettingsBase):
    """When a SQLite database is backed up, where to, and for how long."""

    backup_url: str = Field(
        "",
        example="s3://bucket/backups",
        description="Where backups of a SQLite database are stored: s3://bucket/prefix, gs://, az:// or "
        "file:///folder, with AWBRIDGE_ARCHIVE_OPTIONS. Empty: where the archive is. none: no backups.",
    )
    backup_cron: Cron = Field("45 1 * * *", description="When a SQLite database is backed up.")
    backup_keep_days: Days = Field(
        14, description="Days that backups are kept. The newest stays however old it is. 0: forever."
    )
    backup_timeout: float = Field(
        3600.0, gt=0, le=86400, description="Seconds to make a backup, and to upload or download it."
    )
    backup_alarm_hours: float = Field(36.0, gt=0, le=8760, description="Hours without a backup that raise an alarm.")
