"""Settings -> the policies of the steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from awbridge.app.settings import Settings
from awbridge.domain.call import longest_call
from awbridge.domain.couriers.account_throttle import AccountThrottlePolicy
from awbridge.domain.customer_page.answer_rules import read_rules as read_answer_rules
from awbridge.domain.notify.notices import Rules, read_channels, read_milestones, read_quiet_hours
from awbridge.domain.orders.attention import RefusedLimit
from awbridge.domain.tracking.asking import PollingRules
from awbridge.sinks.mail import LONGEST as LONGEST_MAIL
from awbridge.sinks.messages import longest_send
from awbridge.sinks.outgoing import longest_post
from awbridge.steps.audit.archive import ArchivePolicy
from awbridge.steps.audit.publish import Destination, MailPolicy
from awbridge.steps.audit.report import ReportPolicy
from awbridge.steps.customer_page.answers import AnswerPolicy
from awbridge.steps.handover.fetch_labels import FetchLabelsPolicy
from awbridge.steps.notify.deliver_events import DeliverPolicy
from awbridge.steps.notify.notify import NotifyPolicy
from awbridge.steps.orders.act import ActPolicy
from awbridge.steps.polling.policy import POLLING, CatchUpPolicy
from awbridge.steps.polling.watch import WatchPolicy
from awbridge.steps.privacy.retain import RetainPolicy
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy
from awbridge.steps.records.unrecorded import Unrecorded
from awbridge.steps.registration.allocate import AllocatePolicy
from awbridge.steps.registration.cancel import CancelPolicy
from awbridge.steps.registration.fallback import FallbackPolicy
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.runtime.pace import Pace
from awbridge.steps.runtime.set_clocks import ClockPolicy
from awbridge.steps.tracking.apply import ApplyPolicy

# Deliveries in one transaction of apply on SQLite, which blocks all other writes: while others arrive, and else.
SQLITE_PIECE = 64
SQLITE_QUIET_PIECE = 512
SQLITE_BATCH = 512  # in one round


def push_policy(settings: Settings) -> PushPolicy:
    """Batch size, lease, retries and throttling of push."""
    return PushPolicy(
        batch=settings.push_batch,
        concurrency=settings.push_concurrency,
        lease=timedelta(seconds=settings.push_lease_seconds),
        longest_call=timedelta(seconds=settings.longest_try),
        retry_delays=settings.retry_delays,
        waiting=timedelta(seconds=settings.waiting_seconds),
        waiting_deadline=timedelta(seconds=settings.waiting_deadline_seconds),
        polling=polling_rules(settings),
        rate_per_second=settings.push_rate or None,
        throttle=AccountThrottlePolicy(
            failures=settings.breaker_failures,
            rate=settings.breaker_rate,
            window=timedelta(seconds=settings.breaker_window_seconds),
            probe=timedelta(seconds=settings.probe_seconds),
            hold=timedelta(seconds=settings.hold_seconds),
            ramp_until=settings.ramp_until,
            patience=timedelta(seconds=settings.push_lease_seconds),
        ),
    )


def cancel_policy(settings: Settings) -> CancelPolicy:
    """Retries and deadline of cancellations. The lease outlives the longest call."""
    return CancelPolicy(
        retry_delays=settings.retry_delays,
        deadline=timedelta(seconds=settings.cancel_deadline_seconds),
        update_status=settings.cancel_updates_status,
        lease=_lease(settings),
        longest_call=_longest_call(settings),
    )


def act_policy(settings: Settings) -> ActPolicy:
    """Retries of actions. The lease outlives the longest call."""
    return ActPolicy(
        lease=_lease(settings),
        longest_call=_longest_call(settings),
        retry_delays=settings.retry_delays,
        hold=timedelta(seconds=settings.hold_seconds),
    )


def allocate_policy(settings: Settings) -> AllocatePolicy:
    """Retries of courier recommendations."""
    return AllocatePolicy(
        lease=_lease(settings),
        longest_call=2 * _longest_call(settings),
        retry_delays=settings.retry_delays,
        hold=timedelta(seconds=settings.hold_seconds),
        polling=polling_rules(settings),
    )


def fallback_policy(settings: Settings) -> FallbackPolicy:
    """When a shipment moves to its fallback courier."""
    return FallbackPolicy(
        lease=_lease(settings),
        longest_call=_longest_call(settings),
        failures=settings.fallback_failures,
        window=timedelta(seconds=settings.fallback_window_seconds),
        polling=polling_rules(settings),
    )


def polling_rules(settings: Settings) -> PollingRules:
    """When track-order is called for a shipment."""
    return PollingRules(
        mode=settings.polling,
        ask_after=timedelta(seconds=settings.poll_after_seconds),
        ask_again=timedelta(seconds=settings.poll_again_seconds),
    )


def catch_up_policy(
    settings: Settings, *, beat: Callable[[], None] | None = None, unrecorded: Unrecorded | None = None
) -> CatchUpPolicy:
    """Windows of updated-order and pace of polling. `beat` is called while a step waits for its turn to call."""
    return CatchUpPolicy(
        window=timedelta(seconds=settings.catch_up_window_seconds),
        lag=timedelta(seconds=settings.catch_up_lag_seconds),
        polling=polling_rules(settings),
        silent_for=timedelta(days=settings.poll_silent_days),
        pace=Pace(POLLING, settings.polling_calls_per_second, beat=beat),
        unrecorded=unrecorded,
        lease=_lease(settings),
        longest_call=_longest_call(settings),
    )


def watch_policy(settings: Settings) -> WatchPolicy:
    """When missing webhooks raise an alarm."""
    return WatchPolicy(silent_after=timedelta(seconds=settings.webhook_silent_seconds))


def apply_policy(settings: Settings) -> ApplyPolicy:
    """How tracking updates are read."""
    policy = ApplyPolicy(
        zone=settings.zone,
        z_means_utc=settings.webhook_z_means_utc,
        polling=polling_rules(settings),
    )
    if settings.database_url.startswith("sqlite"):
        one_lane = replace(policy, lanes=1, batch=SQLITE_BATCH, piece=SQLITE_PIECE)
        return replace(one_lane, quiet_lanes=1, quiet_batch=SQLITE_BATCH, quiet_piece=SQLITE_QUIET_PIECE)
    return policy


def fetch_labels_policy(settings: Settings) -> FetchLabelsPolicy:
    """When labels are fetched. The lease outlives a fetch, the call for a new link, and a second fetch."""
    return FetchLabelsPolicy(
        ahead=settings.labels_ahead,
        lease=_lease(settings) + timedelta(seconds=4 * settings.label_timeout),
        longest_call=_longest_call(settings) + timedelta(seconds=2 * settings.label_timeout),
    )


def refused_limit(settings: Settings) -> RefusedLimit:
    """How many refused orders raise an alarm."""
    return RefusedLimit(share=settings.alarm_refused_share, least=settings.alarm_refused_least)


def reconcile_policy(settings: Settings) -> ReconcilePolicy:
    """The time zone of a day, and how often a requested report is checked."""
    return ReconcilePolicy(zone=settings.zone, ask_every=timedelta(seconds=settings.reconcile_ask_seconds))


def notify_policy(settings: Settings) -> NotifyPolicy:
    """When and how customers are notified. The lease outlives the longest send."""
    longest = max(LONGEST_MAIL, longest_send(max(1, len(settings.notice_chat_urls)), settings.notice_timeout))
    return NotifyPolicy(
        stuck_after=settings.stuck_after,
        rules=Rules(
            fresh_for=timedelta(seconds=settings.notice_fresh_seconds),
            milestones=read_milestones(settings.notice_milestones),
            consent=read_channels(settings.notice_consent),
            quiet=read_quiet_hours(settings.notice_quiet_hours),
            zone=settings.zone,
        ),
        language=settings.notice_language,
        country=settings.notice_country,
        brand=settings.notice_brand,
        links=settings.track_links,
        short_links=settings.track_short_links,
        retry_delays=settings.notice_retry_delays,
        lease=timedelta(seconds=60 + 2 * longest),
        longest_send=timedelta(seconds=longest),
    )


def answer_policy(settings: Settings) -> AnswerPolicy:
    """How customers' answers are treated."""
    rules = read_answer_rules(settings.customer_answers)
    return AnswerPolicy(zone=settings.zone, rules=rules, country=settings.notice_country)


def deliver_policy(settings: Settings) -> DeliverPolicy:
    """Retries of event deliveries. The lease outlives the longest POST."""
    longest = timedelta(seconds=longest_post(settings.endpoint_timeout))
    return DeliverPolicy(
        retry_delays=settings.endpoint_retry_delays,
        lease=timedelta(seconds=60) + 4 * longest,
        longest_call=longest,
        links=settings.track_links,
    )


def clock_policy(settings: Settings) -> ClockPolicy:
    """The account's time zone, and the longest lease that a killed worker may leave behind."""
    policies = (push_policy, notify_policy, deliver_policy, fetch_labels_policy)
    leases = [policy(settings).lease for policy in policies]
    return ClockPolicy(zone=settings.zone, lease=max(*leases, _lease(settings)))


def archive_policy(settings: Settings) -> ArchivePolicy:
    """What is archived, in files of which size and age."""
    return ArchivePolicy(
        folder=Path(settings.data_dir) / "archive",
        privacy=settings.privacy(settings.privacy_archive),
        all_calls=settings.archive_all_calls,
        largest=round(settings.archive_file_mib * 1024 * 1024),
        oldest=timedelta(seconds=settings.archive_seconds),
        lease=timedelta(seconds=120 + 3 * settings.archive_timeout),
        longest_upload=timedelta(seconds=2 * settings.archive_timeout),  # put and read back
    )


def report_policy(settings: Settings) -> ReportPolicy:
    """Recipients of the daily reports. Raises SettingsError."""
    settings.check_mail()
    own = Destination(name="own", privacy=settings.privacy(settings.privacy_own), to=settings.report_to)
    vendor = Destination(
        name="clickpost",
        privacy=settings.privacy(settings.privacy_clickpost),
        to=settings.report_clickpost_to,
    )
    smtp_url = settings.smtp_url.get_secret_value()
    return ReportPolicy(
        zone=settings.zone,
        destinations=(own, vendor) if vendor.to else (own,),
        mail=MailPolicy(smtp_url=smtp_url, sender=settings.mail_from) if smtp_url and settings.mail_from else None,
        empty_mail=settings.report_empty_days,
    )


def retain_policy(settings: Settings) -> RetainPolicy:
    """How long rows are kept."""
    return RetainPolicy(
        attempts=settings.retain_attempts_days,
        inbox=settings.retain_inbox_days,
        scans=settings.retain_scans_days,
        payloads=settings.retain_payloads_days,
        reports=settings.retain_reports_days,
        runs=settings.retain_runs_days,
        events=settings.retain_events_days,
        notices=settings.retain_notices_days,
        actions=settings.retain_actions_days,
        labels=settings.retain_labels_days,
        manifests=settings.retain_manifests_days,
        reconciliations=settings.retain_reconciliations_days,
        audit=settings.retain_audit_days,
        archive=settings.retain_archive_days,
        archive_configured=settings.archives,
        whole_months=settings.retain_whole_months,
    )


def _longest_call(settings: Settings) -> timedelta:
    return timedelta(seconds=longest_call(settings.clickpost_timeout))


def _lease(settings: Settings) -> timedelta:
    """A lease for one or two calls and the work around them."""
    return timedelta(seconds=60) + 2 * _longest_call(settings)
