"""The least role for each path: one table for the API and the pages. docs/people.md shows it.

The first rule that matches decides. A path without a rule needs an admin; tests/web/access/test_roles.py fails for a
route without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from awbridge.domain.people.role import Role

VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN
_READS = frozenset(("GET", "HEAD"))


@dataclass(frozen=True, slots=True)
class Rule:
    """The least role that reads (GET) and that changes (any other method) at a path and below it.

    `path` may contain `*`, which matches any text, slashes included; it then matches the whole path only.
    """

    path: str
    reads: Role
    changes: Role

    def matches(self, path: str) -> bool:
        """Whether the rule is about this path."""
        if "*" in self.path:
            return fnmatchcase(path, self.path)
        return path == self.path or path.startswith(self.path.rstrip("/") + "/")


RULES = (
    # The API: shipments and what is done with them.
    Rule("/v1/shipments.csv", VIEWER, OPERATOR),
    Rule("/v1/shipments.xlsx", VIEWER, OPERATOR),
    # Labels and manifests are PDFs, which cannot be masked.
    Rule("/v1/shipments/*/label", OPERATOR, OPERATOR),
    Rule("/v1/labels", OPERATOR, OPERATOR),
    Rule("/v1/manifests", OPERATOR, OPERATOR),
    Rule("/v1/shipments", VIEWER, OPERATOR),
    Rule("/v1/actions", VIEWER, OPERATOR),
    Rule("/v1/pickups", VIEWER, OPERATOR),
    Rule("/v1/waybills", VIEWER, OPERATOR),
    Rule("/v1/reconciliations", VIEWER, OPERATOR),
    Rule("/v1/downtimes", VIEWER, OPERATOR),
    Rule("/v1/opt-outs", VIEWER, OPERATOR),
    Rule("/v1/coverage", VIEWER, OPERATOR),
    Rule("/v1/alarms", VIEWER, OPERATOR),
    # Reports are files, made with the masking of AWBRIDGE_PRIVACY_OWN: they cannot be masked for a viewer.
    Rule("/v1/reports/*/download", OPERATOR, OPERATOR),
    Rule("/v1/reports", VIEWER, OPERATOR),
    Rule("/v1/archive", VIEWER, ADMIN),
    Rule("/v1/schedules", VIEWER, ADMIN),
    # The API: set-up.
    Rule("/v1/couriers/*/move", ADMIN, OPERATOR),
    Rule("/v1/couriers", VIEWER, ADMIN),
    Rule("/v1/accounts/reset", ADMIN, OPERATOR),
    Rule("/v1/accounts", VIEWER, ADMIN),
    Rule("/v1/allocation-rules", VIEWER, ADMIN),
    Rule("/v1/endpoints/*/redeliver", VIEWER, OPERATOR),
    Rule("/v1/endpoints/*/replay", VIEWER, OPERATOR),
    Rule("/v1/endpoints/*/enable", VIEWER, OPERATOR),
    Rule("/v1/endpoints/*/disable", VIEWER, OPERATOR),
    Rule("/v1/endpoints", VIEWER, ADMIN),
    Rule("/v1/erasures", VIEWER, ADMIN),
    Rule("/v1/keys", ADMIN, ADMIN),
    Rule("/v1/audit", ADMIN, ADMIN),
    Rule("/metrics", VIEWER, ADMIN),
    # The pages: daily work.
    Rule("/shipments/columns", VIEWER, VIEWER),
    Rule("/shipments/evidence", OPERATOR, OPERATOR),
    Rule("/shipments/replace", OPERATOR, OPERATOR),
    Rule("/shipments.csv", VIEWER, OPERATOR),
    Rule("/shipments.tabs", VIEWER, OPERATOR),
    Rule("/shipments.xlsx", VIEWER, OPERATOR),
    Rule("/shipments", VIEWER, OPERATOR),
    Rule("/search", VIEWER, OPERATOR),
    Rule("/payload", OPERATOR, OPERATOR),
    Rule("/failures", VIEWER, OPERATOR),
    Rule("/ndr", VIEWER, OPERATOR),
    Rule("/labels", OPERATOR, OPERATOR),
    Rule("/downtimes", VIEWER, OPERATOR),
    Rule("/messages", VIEWER, OPERATOR),
    Rule("/reconciliation/*/evidence/*", OPERATOR, OPERATOR),
    Rule("/reconciliation", VIEWER, OPERATOR),
    Rule("/reports/*/download", OPERATOR, OPERATOR),
    Rule("/reports", VIEWER, OPERATOR),
    Rule("/dead-letters", VIEWER, OPERATOR),
    Rule("/alarms", VIEWER, OPERATOR),
    # The pages: set-up.
    Rule("/couriers", VIEWER, ADMIN),
    Rule("/allocation/edit", ADMIN, ADMIN),
    Rule("/allocation", VIEWER, ADMIN),
    Rule("/setup", ADMIN, ADMIN),
    Rule("/endpoints/*/redeliver", VIEWER, OPERATOR),
    Rule("/endpoints/*/replay", VIEWER, OPERATOR),
    Rule("/endpoints/*/enable", VIEWER, OPERATOR),
    Rule("/endpoints/*/disable", VIEWER, OPERATOR),
    Rule("/endpoints", VIEWER, ADMIN),
    Rule("/people/me", VIEWER, VIEWER),
    Rule("/people", ADMIN, ADMIN),
    Rule("/keys", ADMIN, ADMIN),
    Rule("/audit", ADMIN, ADMIN),
    # Needed by every visitor.
    Rule("/language", VIEWER, VIEWER),
    Rule("/sign-in", VIEWER, VIEWER),
    Rule("/sign-out", VIEWER, VIEWER),
    Rule("/password", VIEWER, VIEWER),
    Rule("/static", VIEWER, ADMIN),
)
_OVERVIEW = Rule("/", VIEWER, ADMIN)


def rule_for(path: str) -> Rule | None:
    """The rule about a path; None if there is none."""
    if path == _OVERVIEW.path:
        return _OVERVIEW
    return next((rule for rule in RULES if rule.matches(path)), None)


@lru_cache(maxsize=1024)
def least_role(method: str, path: str) -> Role:
    """The least role that may call this path with this method; an admin where no rule says it."""
    rule = rule_for(path)
    if rule is None:
        return ADMIN
    return rule.reads if method in _READS else rule.changes
