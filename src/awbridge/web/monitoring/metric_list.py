"""The gauges and counters that /metrics reads from the tables and from this process, beside the meters of the steps.

`step`, `reason` and the like are labels; docs/reference/metrics.md lists their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from awbridge.domain.notify.notices import NoticeState
from awbridge.domain.orders.action import ActionState
from awbridge.domain.orders.attention import Need
from awbridge.domain.orders.shipment import State
from awbridge.web.http.limits import ConnectionState

STEPS = (
    *("push", "cancel", "release", "act", "allocate", "fallback", "apply", "updated_order", "track_order"),
    *("reconcile", "differences", "report_files", "sync_couriers", "watch", "notify", "lateness", "mark_stuck"),
    *("index_orders", "link_shipments", "measure_couriers", "sample_figures", "deliver_events", "alarm", "keep_calls"),
    *("schedule", "erase", "archive", "fetch_labels", "follow_answers", "set_clocks", "report_process", "schema"),
    *("look", "accounts", "accounts_awake"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A metric with at most one label. `text`: its HELP. `values`: those of the label; empty where they are not fixed.

    `per_process`: each process has its own, otherwise all read the same from the database.
    """

    name: str
    text: str
    label: str = ""
    values: tuple[str, ...] = ()
    per_process: bool = False


class Gauge(Listed):
    """A number that goes up and down."""

    def of(self, value: float) -> Metric:
        """The metric with this value."""
        return GaugeMetricFamily(self.name, self.text, value)

    def by(self, values: Mapping[str, float]) -> Metric:
        """The metric with these values, by the value of its label."""
        family = GaugeMetricFamily(self.name, self.text, labels=[self.label])
        for value, number in values.items():
            family.add_metric([value], number)
        return family


class Count(Listed):
    """A number that grows until the process ends. Prometheus adds `_total` to its name."""

    def by(self, values: Iterable[tuple[str, float]]) -> Metric:
        """The metric with these values, by the value of its label; without a label, under ""."""
        family = CounterMetricFamily(self.name, self.text, labels=[self.label] if self.label else [])
        for value, number in values:
            family.add_metric([value] if self.label else [], number)
        return family


NEEDS_ATTENTION = Gauge(
    "awbridge_needs_attention",
    "What needs a person, by kind; messages, stuck and late are only worth watching. held excludes declared downtimes. "
    "pieces counts shipments with a box lost, damaged or returning while the shipment is not. pieces, dead_lettered "
    "and failed actions cover a week, messages a day.",
    "kind",
    tuple(Need),
)
REFUSED_SHARE = Gauge(
    "awbridge_refused_share",
    "Share of refusals, 0 to 1, among the orders that ClickPost decided within the hour, or the newest 50.",
)
SHIPMENTS = Gauge(
    "awbridge_shipments",
    "Shipments now, by state, except placed and cancelled ones.",
    "state",
    tuple(state for state in State if state not in (State.PLACED, State.CANCELLED)),
)
ON_THEIR_WAY = Gauge("awbridge_shipments_on_their_way", "Shipments that are placed and have not ended.")
UNREADABLE_EDD = Gauge(
    "awbridge_shipments_unreadable_edd",
    "Of the shipments on their way, those whose expected date (EDD) cannot be parsed. It is shown in the courier's "
    "text, and they are never delayed by it.",
)
ACCOUNTS_HELD = Gauge(
    "awbridge_accounts_held",
    "Courier accounts whose shipments are held, by reason.",
    "reason",
    ("account", "breaker", "downtime"),
)
ACCOUNT_SHIPMENTS_HELD = Gauge(
    "awbridge_account_shipments_held", "Shipments that wait in a held courier account.", "account"
)
COURIER_WARNINGS = Gauge(
    "awbridge_courier_warnings",
    "Courier accounts in use on which orders would fail.",
    "kind",
    ("inactive", "vanished", "renamed"),
)
CANCELS = Gauge(
    "awbridge_cancels",
    "Cancellations at ClickPost: open (asked), refused there, given up, or of a shipment that gave up before it was "
    "known whether ClickPost holds it (unsettled).",
    "stage",
    ("asked", "refused", "gave_up", "unsettled"),
)
ACTIONS = Gauge(
    "awbridge_actions",
    "Actions by state, except completed and overtaken ones.",
    "state",
    tuple(state for state in ActionState if state not in (ActionState.DONE, ActionState.OVERTAKEN)),
)
INBOX = Gauge(
    "awbridge_inbox",
    "Deliveries that are not applied, by stage. ambiguous: those of waiting that could be about several shipments.",
    "stage",
    ("waiting", "ambiguous", "due", "dead_lettered", "not_json"),
)
SCANS_AHEAD = Gauge(
    "awbridge_scans_ahead",
    "Scans of the last day whose time was in the future on arrival; they count as of their arrival. Wrong clocks, or a "
    "wrong time zone setting.",
)
NOTICES = Gauge(
    "awbridge_notices",
    "Messages to customers by state, except sent and suppressed ones.",
    "state",
    tuple(state for state in NoticeState if state not in (NoticeState.SENT, NoticeState.SUPPRESSED)),
)
EVENT_DELIVERIES = Gauge(
    "awbridge_event_deliveries",
    "Events to webhook subscribers by state, except delivered ones.",
    "state",
    ("due", "failed"),
)
ALARMS = Gauge("awbridge_alarms", "Open alarms.")
ARCHIVE_FILES = Gauge(
    "awbridge_archive_files", "Files of failed calls that are not in the archive yet.", "state", ("open",)
)
ROWS = Gauge(
    "awbridge_rows",
    "Approximate number of rows of the large tables: attempts, inbox, scans, shipments and others. From the database's "
    "statistics.",
    "table",
)
FIGURES_AGE = Gauge(
    "awbridge_figures_age_seconds",
    "Seconds since the shipments and the backlog were counted; 0 if in this request.",
)
REPLICA_AGE = Gauge(
    "awbridge_replica_age_seconds",
    "Seconds since the last moment of which the read replica is known to have everything; only with one that has "
    "answered. It is looked at when it is read from.",
    per_process=True,
)
REPLICA_READS = Count(
    "awbridge_replica_reads",
    "Statements of requests that may read from the read replica, by the server that ran them. primary: the replica "
    "failed. Requests that found it away or too old are not in it.",
    "server",
    ("replica", "primary"),
    per_process=True,
)
OLDEST_DUE = Gauge(
    "awbridge_oldest_due_seconds",
    "Seconds that the longest due work of a step has waited, over all processes; 0 if none is due. push: orders and "
    "cancellations, without the orders of accounts that are held or rest. archive: files that are not uploaded.",
    "step",
    ("push", "apply", "archive"),
)
BACKUP_AGE = Gauge(
    "awbridge_backup_age_seconds",
    "Seconds since the newest backup was taken, or since the first was due. Absent where none was due or recorded.",
)
CATCH_UP_LAG = Gauge(
    "awbridge_catch_up_lag_seconds",
    "Seconds behind now up to which every minute of updated-order is covered. About 6 minutes is normal.",
)
WEBHOOK_SILENCE = Gauge(
    "awbridge_webhook_silence_seconds",
    "Seconds since the last webhook that could be parsed, over all processes. Absent after 8 days.",
)
WEBHOOKS_SILENT = Gauge(
    "awbridge_webhooks_silent",
    "1 while no webhooks arrive although polling finds scans: while the alarm webhooks.silent is open.",
)
WEBHOOK_SHARE = Gauge(
    "awbridge_webhook_share",
    "Share of a courier's new scans of the last day that came first by webhook, by the courier's id.",
    "courier",
)
SHIPMENTS_SILENT = Gauge(
    "awbridge_shipments_silent",
    "Shipments that are no longer polled because they had no update for too long.",
)

CALLS_DROPPED = Count("awbridge_calls_dropped", "Failed calls that this process could not record.", per_process=True)
WEBHOOKS = Count(
    "awbridge_webhooks",
    "Webhooks of the home answered by this process, by the HTTP status.",
    "status",
    per_process=True,
)
HTTP_REFUSED = Count(
    "awbridge_http_refused",
    "Requests refused and connections closed early by this process, by the limit.",
    "reason",
    (
        *("head", "line", "head_late", "body_late", "answer_unread", "connections", "not_http", "api_key"),
        "track_token",
    ),
    per_process=True,
)
HTTP_CONNECTIONS = Gauge(
    "awbridge_http_connections",
    "Client connections of this process: before their first complete request (fresh), between two (idle), sending one "
    "(reading), waiting for a response (busy), being closed (leaving).",
    "state",
    tuple(state.name.lower() for state in ConnectionState),
    per_process=True,
)
CLOCK_SKEW = Gauge(
    "awbridge_clock_skew_seconds",
    "Seconds by which this machine's clock is ahead of the database's, which decides; 0 on SQLite.",
    per_process=True,
)
STEP_SILENT = Gauge(
    "awbridge_step_silent_seconds",
    "Seconds since the step last finished a round, was found without work, or waited for its turn to poll.",
    "step",
    STEPS,
    per_process=True,
)
STEP_FAILURES = Gauge(
    "awbridge_step_failures",
    "Rounds of the step that failed in a row in this process; 0 after one that succeeded.",
    "step",
    STEPS,
    per_process=True,
)
STEP_CONCURRENCY = Gauge(
    "awbridge_step_concurrency",
    "Calls to create-order that this process may have in flight now; it adapts to the answers.",
    "step",
    ("push",),
    per_process=True,
)
ACCOUNTS = Gauge(
    "awbridge_accounts",
    "Accounts beside the home: open in this process (awake), without work or requests here (asleep), suspended or "
    "without right settings (closed).",
    "state",
    ("awake", "asleep", "closed"),
    per_process=True,
)
ACCOUNT_ORDERS_WAITING = Gauge(
    "awbridge_account_orders_waiting", "Orders of an account beside the home that are not placed yet.", "account"
)
ACCOUNT_ORDERS_FAILED = Gauge(
    "awbridge_account_orders_failed", "Orders of an account beside the home that are rejected or given up.", "account"
)
ACCOUNT_DELIVERIES_WAITING = Gauge(
    "awbridge_account_deliveries_waiting", "Deliveries of an account beside the home that are not applied.", "account"
)
ACCOUNT_OLDEST_DUE = Gauge(
    "awbridge_account_oldest_due_seconds",
    "Seconds that the longest due order or delivery of an account beside the home has waited; 0 if none is due. An "
    "account that is due and that no process has opened counts too.",
    "account",
)
ACCOUNT_ALARMS = Gauge("awbridge_account_alarms", "Open alarms of an account beside the home.", "account")
ACCOUNT_FIGURES_AGE = Gauge(
    "awbridge_account_figures_age_seconds",
    "Seconds since the figures of an account beside the home were counted: about 60 while it is awake, else since it "
    "went to sleep.",
    "account",
)
BUILD_INFO = Gauge("awbridge_build_info", "1, by the version of awbridge.", "version", per_process=True)

OF_ACCOUNTS = (
    *(ACCOUNT_ORDERS_WAITING, ACCOUNT_ORDERS_FAILED, ACCOUNT_DELIVERIES_WAITING, ACCOUNT_OLDEST_DUE, ACCOUNT_ALARMS),
    ACCOUNT_FIGURES_AGE,
)

METRICS = (
    *(NEEDS_ATTENTION, REFUSED_SHARE, SHIPMENTS, ON_THEIR_WAY, UNREADABLE_EDD, ACCOUNTS_HELD, ACCOUNT_SHIPMENTS_HELD),
    *(COURIER_WARNINGS, CANCELS, ACTIONS, INBOX, SCANS_AHEAD, NOTICES, EVENT_DELIVERIES, ALARMS, ARCHIVE_FILES),
    *(OLDEST_DUE, FIGURES_AGE, ROWS, BACKUP_AGE, CATCH_UP_LAG, WEBHOOK_SILENCE, WEBHOOKS_SILENT, WEBHOOK_SHARE),
    *(SHIPMENTS_SILENT, WEBHOOKS, HTTP_CONNECTIONS, HTTP_REFUSED, CALLS_DROPPED, STEP_SILENT, STEP_FAILURES),
    *(STEP_CONCURRENCY, CLOCK_SKEW, *OF_ACCOUNTS, ACCOUNTS, REPLICA_AGE, REPLICA_READS, BUILD_INFO),
)
