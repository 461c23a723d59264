"""The actions that the audit log records. Pure."""

from __future__ import annotations

from enum import StrEnum


class AuditAction(StrEnum):
    """What was done. The part before the dot is the kind of the subject."""

    SHIPMENT_RETRIED = "shipment.retried"
    SHIPMENT_CANCELLED = "shipment.cancelled"
    SHIPMENT_PAYLOAD_CHANGED = "shipment.payload_changed"
    SHIPMENT_REPLACED = "shipment.replaced"
    SHIPMENT_SETTLED = "shipment.settled"
    SHIPMENT_POLLED = "shipment.poll_requested"
    SHIPMENT_REBUILT = "shipment.rebuilt"
    LINK_REVOKED = "shipment.link_revoked"
    ORDERS_IMPORTED = "orders.imported"
    LABELS_PRINTED = "labels.printed"
    MANIFEST_MADE = "manifest.made"
    VIEW_SAVED = "view.saved"
    VIEW_REMOVED = "view.removed"
    ACTION_REQUESTED = "action.requested"
    ACTION_RETRIED = "action.retried"
    ACTION_SETTLED = "action.settled"
    ANSWER_CONFIRMED = "answer.confirmed"
    ANSWER_DISMISSED = "answer.dismissed"
    COURIER_SAVED = "courier.saved"
    COURIER_REMOVED = "courier.removed"
    COURIER_MOVED = "courier.shipments_moved"
    RULES_REPLACED = "allocation_rules.replaced"
    DOWNTIME_ADDED = "downtime.added"
    DOWNTIME_REMOVED = "downtime.removed"
    ACCOUNT_RESET = "account.reset"
    RATE_SET = "account.rate_set"
    ENDPOINT_ADDED = "endpoint.added"
    ENDPOINT_ROTATED = "endpoint.secret_rotated"
    ENDPOINT_ENABLED = "endpoint.enabled"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_REMOVED = "endpoint.removed"
    ENDPOINT_CHANGED = "endpoint.changed"
    ENDPOINT_REPLAYED = "endpoint.replayed"
    ENDPOINT_REDELIVERED = "endpoint.redelivered"
    OPT_OUT_ADDED = "opt_out.added"
    OPT_OUT_REMOVED = "opt_out.removed"
    ERASURE_REQUESTED = "erasure.requested"
    WEBHOOK_KEY_ADDED = "webhook_key.added"
    WEBHOOK_KEY_REVOKED = "webhook_key.revoked"
    DEAD_LETTERS_RETRIED = "dead_letters.retried"
    REPLAY_BEGUN = "replay.begun"
    RECONCILIATION_BEGUN = "reconciliation.begun"
    DIFFERENCE_DECIDED = "difference.decided"
    RECONCILIATION_PUSHED = "reconciliation.pushed_again"
    PERSON_ADDED = "person.added"
    PERSON_ROLE_SET = "person.role_set"
    PERSON_DISABLED = "person.disabled"
    PERSON_ENABLED = "person.enabled"
    PERSON_LINK_MADE = "person.link_made"
    PERSON_PASSWORD_SET = "person.password_set"  # noqa: S105 the name of an action
    PERSON_SESSIONS_ENDED = "person.sessions_ended"
    PERSON_SIGNED_IN = "person.signed_in"
    PERSON_SIGNED_OUT = "person.signed_out"
    KEY_ADDED = "api_key.added"
    KEY_REVOKED = "api_key.revoked"
    DATABASE_RESTORED = "database.restored"
    ACCOUNT_ADDED = "clickpost_account.added"
    ACCOUNT_CHANGED = "clickpost_account.changed"
    ACCOUNT_SUSPENDED = "clickpost_account.suspended"
    ACCOUNT_RESUMED = "clickpost_account.resumed"
    ACCOUNT_EXPORTED = "clickpost_account.exported"
    ACCOUNT_IMPORTED = "clickpost_account.imported"
    ACCOUNT_DROP_BEGUN = "clickpost_account.drop_begun"
    ACCOUNT_DROPPED = "clickpost_account.dropped"


ACTION_TEXTS = {
    AuditAction.SHIPMENT_RETRIED: "Shipment pushed again",
    AuditAction.SHIPMENT_CANCELLED: "Shipment cancelled",
    AuditAction.SHIPMENT_PAYLOAD_CHANGED: "Payload changed",
    AuditAction.SHIPMENT_REPLACED: "Shipment replaced",
    AuditAction.SHIPMENT_SETTLED: "Shipment settled",
    AuditAction.SHIPMENT_POLLED: "Poll requested",
    AuditAction.SHIPMENT_REBUILT: "Timeline rebuilt",
    AuditAction.LINK_REVOKED: "Customer's link revoked",
    AuditAction.ORDERS_IMPORTED: "Orders imported",
    AuditAction.LABELS_PRINTED: "Labels printed",
    AuditAction.MANIFEST_MADE: "Hand-over manifest made",
    AuditAction.VIEW_SAVED: "View saved",
    AuditAction.VIEW_REMOVED: "View removed",
    AuditAction.ACTION_REQUESTED: "Action requested",
    AuditAction.ACTION_RETRIED: "Action retried",
    AuditAction.ACTION_SETTLED: "Action settled",
    AuditAction.ANSWER_CONFIRMED: "Customer's answer confirmed",
    AuditAction.ANSWER_DISMISSED: "Customer's answer dismissed",
    AuditAction.COURIER_SAVED: "Transporter saved",
    AuditAction.COURIER_REMOVED: "Transporter removed",
    AuditAction.COURIER_MOVED: "Shipments moved",
    AuditAction.RULES_REPLACED: "Allocation rules replaced",
    AuditAction.DOWNTIME_ADDED: "Downtime declared",
    AuditAction.DOWNTIME_REMOVED: "Downtime removed",
    AuditAction.ACCOUNT_RESET: "Courier account reset",
    AuditAction.RATE_SET: "Rate limit set",
    AuditAction.ENDPOINT_ADDED: "Subscriber added",
    AuditAction.ENDPOINT_ROTATED: "Subscriber's secret rotated",
    AuditAction.ENDPOINT_ENABLED: "Subscriber enabled",
    AuditAction.ENDPOINT_DISABLED: "Subscriber disabled",
    AuditAction.ENDPOINT_REMOVED: "Subscriber removed",
    AuditAction.ENDPOINT_CHANGED: "Subscriber changed",
    AuditAction.ENDPOINT_REPLAYED: "Events since a time delivered again",
    AuditAction.ENDPOINT_REDELIVERED: "Events delivered again",
    AuditAction.OPT_OUT_ADDED: "Opt-out added",
    AuditAction.OPT_OUT_REMOVED: "Opt-out removed",
    AuditAction.ERASURE_REQUESTED: "Erasure requested",
    AuditAction.WEBHOOK_KEY_ADDED: "Webhook key added",
    AuditAction.WEBHOOK_KEY_REVOKED: "Webhook key revoked",
    AuditAction.DEAD_LETTERS_RETRIED: "Dead letters retried",
    AuditAction.REPLAY_BEGUN: "Replay begun",
    AuditAction.RECONCILIATION_BEGUN: "Reconciliation begun",
    AuditAction.DIFFERENCE_DECIDED: "Difference decided",
    AuditAction.RECONCILIATION_PUSHED: "Missing shipments pushed again",
    AuditAction.PERSON_ADDED: "Person added",
    AuditAction.PERSON_ROLE_SET: "Role changed",
    AuditAction.PERSON_DISABLED: "Person disabled",
    AuditAction.PERSON_ENABLED: "Person enabled",
    AuditAction.PERSON_LINK_MADE: "One-time link made",
    AuditAction.PERSON_PASSWORD_SET: "Password set",
    AuditAction.PERSON_SESSIONS_ENDED: "Sessions ended",
    AuditAction.PERSON_SIGNED_IN: "Signed in",
    AuditAction.PERSON_SIGNED_OUT: "Signed out",
    AuditAction.KEY_ADDED: "API key made",
    AuditAction.KEY_REVOKED: "API key revoked",
    AuditAction.DATABASE_RESTORED: "Database restored to an older point",
    AuditAction.ACCOUNT_ADDED: "Account added",
    AuditAction.ACCOUNT_CHANGED: "Account changed",
    AuditAction.ACCOUNT_SUSPENDED: "Account suspended",
    AuditAction.ACCOUNT_RESUMED: "Account resumed",
    AuditAction.ACCOUNT_EXPORTED: "Account exported",
    AuditAction.ACCOUNT_IMPORTED: "Account imported",
    AuditAction.ACCOUNT_DROP_BEGUN: "Account about to be dropped",
    AuditAction.ACCOUNT_DROPPED: "Account dropped",
}
"""How the pages name each action."""
