"""Settings of records: archive, reconciliation, privacy."""

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import Cron, Options, PrivacyPolicy
from awbridge.app.settings.values import SecretStr


class ArchiveSettings(SettingsBase, group="Failed calls in object storage"):
    """Where failed calls are kept. [Evidence](docs/how-to/operate/evidence.md) describes the archive."""

    data_dir: str = Field(
        "awbridge-data",
        sharing=Sharing.DERIVED,
        description="A folder on this machine: archive files until they are uploaded; archive, reports and "
        "backups where no URL is set for them.",
    )
    unrecorded_mib: float = Field(
        256.0, ge=0, le=65536, description="MiB of calls kept in `AWBRIDGE_DATA_DIR` while the database is away."
    )
    archive_url: str = Field(
        "",
        example="s3://bucket/prefix",
        sharing=Sharing.DERIVED,
        description="Where failed calls are archived: `s3://bucket/prefix`, `gs://bucket/prefix`, "
        "`az://container/prefix` or `file:///folder`. Empty: `calls/` of `AWBRIDGE_DATA_DIR`. `none`: nowhere.",
    )
    archive_options: Options = Field(
        SecretStr(""),
        example="region=ap-south-1",
        description="The storage's own options (`region`, `endpoint`, `access_key_id`, `secret_access_key`, "
        "...). Without any, those of the environment (`AWS_...`) and of the machine's role are used. Options "
        "after a `?` of the URL have no effect and are refused. `awbridge doctor` tests them by writing, reading "
        "and deleting.",
    )
    archive_all_calls: bool = Field(False, description="Whether successful calls are archived too.")
    archive_file_mib: float = Field(
        8.0, gt=0, le=256, description="MiB of requests and responses in one file, before compression."
    )
    archive_seconds: float = Field(300.0, ge=1, le=86400, description="Seconds that a call waits for its file at most.")
    archive_timeout: float = Field(60.0, gt=0, le=600, description="Seconds to upload or download one file.")


class ReconciliationSettings(SettingsBase, group="Reconciliation"):
    """When shipments are compared with what ClickPost has."""

    reconcile_dir: str = Field(
        "",
        example="/var/lib/awbridge/reports",
        sharing=Sharing.OWN,
        description="A folder that is watched for ClickPost's reports "
        "([reconciliation.md](docs/how-to/operate/reconciliation.md)); none while empty.",
    )
    reconcile_ask_seconds: float = Field(
        30.0, gt=0, le=3600, description="Seconds between two polls of a dashboard report that is not ready."
    )
    reconcile_cron: Cron = Field("30 2 * * *", description="When the day before is reconciled, in the account's zone.")


class PrivacySettings(SettingsBase, group="Personal data"):
    """How personal data is treated. [Privacy](docs/how-to/operate/privacy.md) describes the treatments."""

    privacy_own: PrivacyPolicy = Field(
        "phone=mask,name=mask,email=mask,address=mask",
        description="How your own reports and evidence treat personal data.",
    )
    privacy_clickpost: PrivacyPolicy = Field(
        "phone=mask,name=mask,email=mask,address=keep",
        description="How reports and evidence for ClickPost treat personal data.",
    )
    privacy_archive: PrivacyPolicy = Field(
        "phone=pseudonym,name=mask,email=pseudonym,address=mask", description="How the archive treats personal data."
    )
    privacy_key: SecretStr = Field(
        SecretStr(""),
        example="a-long-random-key",
        sharing=Sharing.DERIVED,
        description="The key for pseudonyms; without it, values are masked instead.",
    )
