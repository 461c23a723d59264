"""The demands of ClickPost's integration guidelines: what is demanded, what meets it here, and the test that shows it.

The guidelines are ClickPost's pages "Clickpost Integration Guidelines", "Best practice around consuming status updates
via Webhooks", "Tracking Shipment using Webhook" and "Notification event". docs/reference/guide.md shows this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """A part of the guidelines."""

    ORDERS = "orders"
    FAILURES = "failures"
    WEBHOOKS = "webhooks"
    MESSAGES = "messages"
    POLLING = "polling"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A demand. `feature`: what meets it. `settings`: those that concern it. `red`: when it is not met.
    `page`: its page in docs/. `test`: one that shows it.
    """

    number: int
    part: Part
    text: str
    feature: str
    settings: tuple[str, ...] = ()
    red: str
    page: str
    test: str


DEMANDS = (
    Demand(
        number=1,
        part=Part.ORDERS,
        text="One API serves every courier; a courier is activated by configuration alone.",
        feature="Transporters in the table `courier_accounts`, changed by command, API or page",
        settings=("AWBRIDGE_CLICKPOST_USERNAME", "AWBRIDGE_CLICKPOST_KEY"),
        red="the account at ClickPost is not set, or no transporter is active",
        page="how-to/orders/couriers.md",
        test="tests/web/v1/test_couriers.py::test_transporters_are_mapped_listed_used_and_removed",
    ),
    Demand(
        number=2,
        part=Part.ORDERS,
        text="The mapping of each transporter to courier_partner_id and account_code is stored.",
        feature="`awbridge couriers sync`, and a daily comparison with ClickPost's accounts",
        settings=("AWBRIDGE_COURIER_COMPARISON_SECONDS",),
        red="an active transporter has no account code, or the comparison with ClickPost failed or warns",
        page="how-to/orders/couriers.md",
        test="tests/steps/couriers/test_couriers.py::test_accounts_in_use_are_warned_of",
    ),
    Demand(
        number=3,
        part=Part.ORDERS,
        text="A courier is allocated to an order before create-order is called.",
        feature="The order's own courier, allocation rules, or ClickPost's recommendation",
        settings=("AWBRIDGE_ALLOCATION",),
        red="an order has had no courier for an hour",
        page="how-to/orders/couriers.md",
        test="tests/steps/registration/test_allocate.py::test_push_does_not_see_a_shipment_without_a_courier",
    ),
    Demand(
        number=4,
        part=Part.ORDERS,
        text="create-order carries pickup_info, drop_info, shipment_details, gst_info and additional.",
        feature="Orders in ClickPost's own form, checked when they come in",
        red="an order is rejected, or the share of refusals has reached its alarm",
        page="reference/errors.md",
        test="tests/steps/orders/test_intake.py::test_every_bad_order_of_a_batch_is_named_with_every_wrong_field",
    ),
    Demand(
        number=5,
        part=Part.ORDERS,
        text="Orders that meet a courier's scheduled downtime are sent again later.",
        feature="Declared downtimes and a circuit breaker for each courier account",
        settings=("AWBRIDGE_RETRY_DELAYS", "AWBRIDGE_BREAKER_FAILURES"),
        red="a courier account is held for another reason than a declared downtime, and orders wait for it",
        page="how-to/orders/couriers.md",
        test="tests/steps/registration/test_dispatch.py::test_a_declared_downtime_holds_shows_and_lets_go_with_a_ramp",
    ),
    Demand(
        number=6,
        part=Part.ORDERS,
        text="An order is placed only by HTTP 200 with business status 200 or 323.",
        feature="Every answer is classified by one table of codes; 303 counts with the waybill of this order alone",
        red=(
            "one of the newest 1,000 calls counted as placed "
            "by another code (303 with the order's own waybill excepted)"
        ),
        page="reference/errors.md",
        test="tests/clickpost/orders/test_orders.py::test_success_needs_more_than_the_word_success",
    ),
    Demand(
        number=7,
        part=Part.FAILURES,
        text="The data of every failed call is logged in a file.",
        feature="The step `archive` writes failed calls to JSON lines files",
        settings=("AWBRIDGE_ARCHIVE_URL", "AWBRIDGE_ARCHIVE_SECONDS"),
        red="the archive is off, or a call is in no file after an hour",
        page="how-to/operate/evidence.md",
        test="tests/steps/audit/test_archive.py::test_a_failed_call_is_archived_with_all_that_is_known_of_it",
    ),
    Demand(
        number=8,
        part=Part.FAILURES,
        text="These files are uploaded to permanent storage, such as S3.",
        feature="Files are uploaded, read back, and compared",
        settings=("AWBRIDGE_ARCHIVE_URL", "AWBRIDGE_ARCHIVE_OPTIONS"),
        red="the archive is off or a local folder, or a file could not be uploaded for 10 minutes",
        page="how-to/operate/evidence.md",
        test="tests/steps/audit/test_archive.py::test_on_a_real_s3_server_each_call_arrives_once",
    ),
    Demand(
        number=9,
        part=Part.FAILURES,
        text="Registration is retried at least 3 times before it is given up.",
        feature="A list of delays, over 15 hours by default",
        settings=("AWBRIDGE_RETRY_DELAYS",),
        red="an order was given up before its third retry",
        page="how-to/operate/operations.md",
        test="tests/steps/registration/test_push.py::test_tries_are_used_up_after_one_more_failure_than_there_are_delays",
    ),
    Demand(
        number=10,
        part=Part.FAILURES,
        text="The number of retries is kept for each shipment, and those given up are shown.",
        feature="`no_of_retries` and `success` of each shipment; the page of failures, and an alarm",
        red="an order is given up",
        page="how-to/operate/operations.md",
        test="tests/steps/registration/test_push.py::test_each_answer_leads_to_its_state",
    ),
    Demand(
        number=11,
        part=Part.FAILURES,
        text="Failed AWBs are shared with ClickPost, with payload, URL and response.",
        feature="A daily report of failed calls, mailed to ClickPost, and an evidence file for each shipment",
        settings=("AWBRIDGE_REPORT_CLICKPOST_TO", "AWBRIDGE_REPORT_CRON", "AWBRIDGE_SMTP_URL"),
        red="no recipient at ClickPost is set, or the newest report was not mailed within an hour",
        page="how-to/operate/evidence.md",
        test="tests/steps/audit/test_report.py::test_each_destination_gets_its_mail_once_with_the_file",
    ),
    Demand(
        number=12,
        part=Part.FAILURES,
        text="Yesterday's registered shipments at ClickPost are matched with the own database.",
        feature="A daily reconciliation: counts first, then ClickPost's report row by row",
        settings=("AWBRIDGE_RECONCILE_CRON", "AWBRIDGE_RECONCILE_DIR"),
        red="the newest day failed or was compared only partly, or its end is more than 36 hours ago",
        page="how-to/operate/reconciliation.md",
        test="tests/steps/reconciliation/test_reconcile.py::test_every_kind_of_difference_is_found_in_the_report",
    ),
    Demand(
        number=13,
        part=Part.FAILURES,
        text="Differences are found, and shared with their payload and response.",
        feature="Each difference is rechecked, can be pushed again, and has an evidence file",
        settings=("AWBRIDGE_PRIVACY_CLICKPOST",),
        red="a difference has been open for more than an hour",
        page="how-to/operate/reconciliation.md",
        test=(
            "tests/steps/reconciliation/test_reconcile.py::"
            "test_the_bundle_of_a_difference_holds_payload_calls_and_timeline"
        ),
    ),
    Demand(
        number=14,
        part=Part.FAILURES,
        text="ClickPost's report of failed order creation calls is activated and read.",
        feature="The mailed report is read from a folder or an upload and compared",
        settings=("AWBRIDGE_RECONCILE_DIR",),
        red="the newest of these files failed or is more than 3 days old",
        page="how-to/operate/reconciliation.md",
        test=(
            "tests/steps/reconciliation/test_match.py::"
            "test_failed_orders_are_differences_where_nobody_knows_of_the_failure"
        ),
    ),
    Demand(
        number=15,
        part=Part.FAILURES,
        text="A table holds the shipments that are ready to be registered.",
        feature="The table `shipments` with payload, state and due time; orders can join your own transaction",
        red="an order has been on its way to ClickPost for more than a day",
        page="how-to/orders/enqueue.md",
        test="tests/steps/orders/test_intake.py::test_an_order_is_stored_ready_to_be_pushed",
    ),
    Demand(
        number=16,
        part=Part.FAILURES,
        text="A job picks these shipments up and registers them.",
        feature="The step `push` claims due shipments under a lease",
        settings=("AWBRIDGE_PUSH_BATCH", "AWBRIDGE_PUSH_CONCURRENCY"),
        red="an order has been due for more than 5 minutes",
        page="how-to/operate/operations.md",
        test="tests/e2e/test_killed.py::test_a_bridge_killed_while_pushing_places_every_order_once",
    ),
    Demand(
        number=17,
        part=Part.WEBHOOKS,
        text="A webhook address is registered with POST, and changed with PUT.",
        feature="`awbridge webhook register` does either, then waits for a test delivery",
        settings=("AWBRIDGE_WEBHOOK_KEYS",),
        red="no key of a webhook is known",
        page="how-to/deploy/webhooks.md",
        test="tests/sandbox/webhooks/test_webhooks.py::test_post_registers_and_put_changes_the_address",
    ),
    Demand(
        number=18,
        part=Part.WEBHOOKS,
        text="Webhooks of all statuses and of selected events are both understood.",
        feature="Every published body is read; what cannot be read is kept and can be replayed",
        settings=("AWBRIDGE_WEBHOOK_Z_MEANS_UTC",),
        red="a delivery of the last week could not be read",
        page="how-to/deploy/webhooks.md",
        test="tests/clickpost/tracking/test_webhook_bodies.py::test_selected_events",
    ),
    Demand(
        number=19,
        part=Part.WEBHOOKS,
        text="A webhook is answered well within 2 seconds.",
        feature="Many deliveries share a commit; after 1.2 s the answer is 503",
        red=(
            "the 99th percentile of a process is 1 s or more, or over "
            "1 % of the webhooks of the last hour were answered with 503"
        ),
        page="explanation/performance/webhooks.md",
        test="tests/web/webhook/test_webhook.py::test_a_dead_database_is_503_before_clickpost_hangs_up",
    ),
    Demand(
        number=20,
        part=Part.WEBHOOKS,
        text="200 is answered only once the payload is in the database.",
        feature="The answer follows the commit, which waits for the disk",
        red="the database confirms commits before they are on the disk",
        page="how-to/deploy/webhooks.md",
        test="tests/e2e/test_killed.py::test_every_acknowledged_webhook_survives_kill_9",
    ),
    Demand(
        number=21,
        part=Part.WEBHOOKS,
        text="A webhook is processed in one atomic transaction.",
        feature="The step `apply` writes scans, status, milestones and events of a delivery in one transaction",
        red="a delivery has waited for more than 5 minutes",
        page="how-to/deploy/webhooks.md",
        test="tests/e2e/test_killed.py::test_a_worker_killed_while_applying_leaves_every_scan_once",
    ),
    Demand(
        number=22,
        part=Part.WEBHOOKS,
        text="Processing is idempotent by order_status_id.",
        feature="A unique key on the identity of each delivery",
        red="the unique key is missing in this database",
        page="how-to/deploy/webhooks.md",
        test="tests/web/webhook/test_webhook.py::test_a_repeated_delivery_is_acknowledged_and_stored_once",
    ),
    Demand(
        number=23,
        part=Part.WEBHOOKS,
        text="The same scan is stored once, however often and from wherever it comes.",
        feature="Scans are recognised by their ids or their content, by webhook and by polling",
        red="one of the newest 200 shipments has a scan twice",
        page="how-to/deploy/webhooks.md",
        test="tests/steps/tracking/test_apply.py::test_one_scan_by_webhook_and_by_polling_is_one_row_with_both_ids",
    ),
    Demand(
        number=24,
        part=Part.WEBHOOKS,
        text="Webhooks may come in any order.",
        feature="The newest status by its time decides; a late scan never moves a shipment back",
        settings=("AWBRIDGE_TIME_ZONE", "AWBRIDGE_WEBHOOK_Z_MEANS_UTC"),
        red="over 1 % of the scans of the last day were in the future when received",
        page="how-to/deploy/webhooks.md",
        test="tests/steps/tracking/test_apply.py::test_shuffled_and_repeated_deliveries_end_in_the_newest_status",
    ),
    Demand(
        number=25,
        part=Part.WEBHOOKS,
        text="Records are kept by the outer status, which is the scan of the webhook.",
        feature="The outer status is the scan on the timeline; latest_status is where the shipment is",
        red="a delivery is about one of several shipments, and does not say which",
        page="how-to/deploy/webhooks.md",
        test=(
            "tests/steps/tracking/test_apply.py::test_the_outer_status_is_the_scan_and_latest_status_is_where_it_stands"
        ),
    ),
    Demand(
        number=26,
        part=Part.MESSAGES,
        text="Messages to customers follow latest_status.",
        feature="Milestones are reached by the current status; an overtaken message is suppressed",
        settings=("AWBRIDGE_NOTICE_MILESTONES",),
        red="a message of the last day failed or was perhaps not sent, or a channel is set wrongly",
        page="how-to/operate/notices.md",
        test="tests/steps/notify/test_notify.py::test_a_bulk_push_of_three_scans_gives_one_message",
    ),
    Demand(
        number=27,
        part=Part.MESSAGES,
        text="No message is sent when the latest status is more than a day old.",
        feature="The age is checked when the message is sent",
        settings=("AWBRIDGE_NOTICE_FRESH_SECONDS",),
        red="the limit is more than a day",
        page="how-to/operate/notices.md",
        test="tests/steps/notify/test_notify.py::test_a_stale_status_is_sent_to_nobody_and_says_why",
    ),
    Demand(
        number=28,
        part=Part.POLLING,
        text="ClickPost tries a webhook 3 times; lost ones are noticed.",
        feature="An alarm when polling finds scans while no webhook comes; refused webhooks are counted",
        settings=("AWBRIDGE_WEBHOOK_SILENT_SECONDS",),
        red="polling finds scans while no webhook comes, or a webhook of the last day was refused",
        page="how-to/operate/operations.md",
        test=(
            "tests/steps/polling/test_watch.py::"
            "test_silence_while_polling_finds_scans_is_logged_once_over_all_processes_and_so_is_its_end"
        ),
    ),
    Demand(
        number=29,
        part=Part.POLLING,
        text="Every shipment that is not yet delivered is polled once a day.",
        feature="The step `track_order`",
        settings=("AWBRIDGE_POLLING", "AWBRIDGE_POLL_AFTER_SECONDS", "AWBRIDGE_POLLING_CALLS_PER_SECOND"),
        red="polling is economical or less often than daily, or a poll is 12 hours late",
        page="how-to/operate/operations.md",
        test="tests/steps/polling/test_catch_up.py::test_a_webhook_lost_between_two_that_came_is_found_within_the_day",
    ),
    Demand(
        number=30,
        part=Part.POLLING,
        text="What was missed during an outage is caught up.",
        feature="The step `updated_order` covers every minute once",
        settings=("AWBRIDGE_CATCH_UP_WINDOW_SECONDS", "AWBRIDGE_CATCH_UP_LAG_SECONDS"),
        red="the coverage is more than 30 minutes behind",
        page="how-to/operate/operations.md",
        test=(
            "tests/steps/polling/test_catch_up.py::"
            "test_windows_follow_one_another_over_hours_of_outage_and_stay_within_the_vendors_limit"
        ),
    ),
    Demand(
        number=31,
        part=Part.POLLING,
        text="No page that a customer opens calls ClickPost.",
        feature="The customer's page reads the database; ClickPost is polled by schedule alone",
        settings=("AWBRIDGE_POLL_AGAIN_SECONDS",),
        red="a shipment may be polled more often than every 2 hours",
        page="how-to/operate/customer-page.md",
        test="tests/web/customer_page/test_texts.py::test_opening_the_page_records_no_call",
    ),
    Demand(
        number=32,
        part=Part.OPERATION,
        text="The webhook is highly available: several processes serve it.",
        feature="Any number of replicas on one PostgreSQL, without a leader",
        settings=("AWBRIDGE_DATABASE_URL",),
        red="fewer than two processes of `awbridge serve` have reported within 2 minutes",
        page="how-to/operate/operations.md",
        test=("tests/e2e/test_failover.py::test_a_new_primary_is_found_automatically_and_no_accepted_webhook_is_lost"),
    ),
    Demand(
        number=33,
        part=Part.OPERATION,
        text="The database is backed up every day.",
        feature="SQLite is backed up every night; other tools' backups are recorded",
        settings=("AWBRIDGE_BACKUP_URL", "AWBRIDGE_BACKUP_CRON"),
        red="no backup is known, the newest failed, or the last one is more than 26 hours old",
        page="how-to/deploy/backup.md",
        test="tests/app/test_guide.py::test_a_backup_is_known_by_the_runs_of_its_job",
    ),
)
