"""Settings of retention: how long rows are kept."""

from awbridge.app.settings.fields import Field, SettingsBase
from awbridge.app.settings.types import Cron, Days


class RetentionSettings(SettingsBase, group="How long rows are kept"):
    """In days; 0 keeps rows forever. [Privacy](docs/how-to/operate/privacy.md#how-long) lists every table."""

    retain_cron: Cron = Field("15 3 * * *", description="When old rows are deleted, in the account's zone.")
    retain_attempts_days: Days = Field(
        90, description="Days that calls to ClickPost are kept; with an archive, never before they are archived."
    )
    retain_inbox_days: Days = Field(
        30, description="Days that applied deliveries are kept; waiting and dead-lettered ones stay."
    )
    retain_scans_days: Days = Field(0, description="Days that scans of shipments that have ended are kept.")
    retain_payloads_days: Days = Field(
        180,
        description="Days until personal data is removed from the payloads of shipments that have ended; "
        "the shipments stay.",
    )
    retain_reports_days: Days = Field(365, description="Days that reports are kept, with their files.")
    retain_runs_days: Days = Field(
        90,
        description="Days that awbridge's own records are kept: scheduled runs, replays, covered minutes, cleared "
        "alarms, digests.",
    )
    retain_events_days: Days = Field(
        90, description="Days that events are kept, once they were delivered to every endpoint or given up."
    )
    retain_whole_months: bool = Field(
        True,
        description="PostgreSQL: calls and events that are kept for 60 days or more wait until all of their month is "
        "that old, and are dropped with it, which costs next to nothing. They are kept for up to 31 days more. `false` "
        "deletes each on its day.",
    )
    retain_notices_days: Days = Field(
        180, description="Days that settled messages to customers are kept, and why they were sent or not."
    )
    retain_actions_days: Days = Field(
        365,
        description="Days that actions that have ended are kept; those with an `Idempotency-Key` for at least 30 days.",
    )
    retain_reconciliations_days: Days = Field(
        180, description="Days that finished reconciliations are kept, with their differences."
    )
    retain_labels_days: Days = Field(14, description="Days that fetched labels are kept; they can be fetched again.")
    retain_manifests_days: Days = Field(365, description="Days that hand-over manifests and print runs are kept.")
    retain_audit_days: Days = Field(
        730, description="Days that the [audit log](docs/how-to/operate/people.md#audit-log) is kept."
    )
    retain_archive_days: Days = Field(
        0, description="Days that files in the archive are kept, once their calls have left the database."
    )
