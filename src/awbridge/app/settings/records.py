"""Settings of records: archive, reports, reconciliation, privacy, retention."""

from awbridge.app.setting_fields import Field, SecretStr, SettingsBase
from awbridge.app.setting_types import Addresses, Cron, Days, Options, PrivacyPolicy


class RecordSettings(SettingsBase):
    """What is archived, reported, compared and kept, and how personal data is treated there."""

    archive_url: str = Field(
        "",
        example="s3://bucket/prefix",
        description="Where failed calls are archived: s3://bucket/prefix, gs://, az:// or file:///folder. Empty: "
        "AWBRIDGE_DATA_DIR. none: no archive.",
    )
    archive_options: Options = Field(
        SecretStr(""),
        example="region=ap-south-1",
        description="The storage's options: region=ap-south-1,endpoint=https://... Empty: those of the environment and "
        "the machine's role. A secret.",
    )
    archive_all_calls: bool = Field(False, description="Whether successful calls are archived too.")
    archive_file_mib: float = Field(8.0, gt=0, le=256, description="MiB of bodies in one file, before compression.")
    archive_seconds: float = Field(300.0, ge=1, le=86400, description="Maximum seconds until a call is in a file.")
    archive_timeout: float = Field(60.0, gt=0, le=600, description="Seconds to upload or download one file.")

    report_cron: Cron = Field("30 0 * * *", description="When the failures of the previous day are reported.")
    report_to: Addresses = Field(
        (), example="ops@shop.example", description="Your own recipients of reports, comma-separated."
    )
    report_clickpost_to: Addresses = Field(
        (),
        example="someone@clickpost.example",
        description="Recipients of reports at ClickPost, comma-separated; masked by AWBRIDGE_PRIVACY_CLICKPOST.",
    )
    report_empty_days: bool = Field(True, description="Whether a day without failures sends a one-line mail.")

    reconcile_dir: str = Field(
        "",
        example="/var/lib/awbridge/reports",
        description="A folder watched for ClickPost reports to reconcile. Empty: none.",
    )
    reconcile_ask_seconds: float = Field(
        30.0, gt=0, le=3600, description="Seconds between checks of a requested dashboard report."
    )
    reconcile_cron: Cron = Field("30 2 * * *", description="When the previous day is reconciled.")

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
        description="Key for pseudonyms. Without it, pseudonyms are masked. A secret.",
    )

    retain_cron: Cron = Field("15 3 * * *", description="When old rows are deleted.")
    retain_attempts_days: Days = Field(90, description="Days that calls are kept. 0: forever.")
    retain_inbox_days: Days = Field(30, description="Days that applied deliveries are kept.")
    retain_scans_days: Days = Field(0, description="Days that scans of ended shipments are kept.")
    retain_payloads_days: Days = Field(
        180, description="Days until personal data are removed from the payloads of ended shipments."
    )
    retain_reports_days: Days = Field(365, description="Days that reports are kept.")
    retain_runs_days: Days = Field(
        90, description="Days that awbridge's own records (runs, cleared alarms, polled windows) are kept."
    )
    retain_events_days: Days = Field(90, description="Days that delivered events are kept.")
    retain_notices_days: Days = Field(180, description="Days that settled notices are kept.")
    retain_actions_days: Days = Field(365, description="Days that finished actions are kept.")
    retain_reconciliations_days: Days = Field(180, description="Days that reconciliations and differences are kept.")
    retain_labels_days: Days = Field(14, description="Days that fetched labels are kept. They can be fetched again.")
    retain_manifests_days: Days = Field(365, description="Days that hand-over manifests and print runs are kept.")
    retain_audit_days: Days = Field(730, description="Days that the audit log is kept. 0: forever.")
    retain_archive_days: Days = Field(0, description="Days that archived files are kept.")
