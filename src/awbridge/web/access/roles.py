"""The least role for each path: one table for the API and the pages. docs/how-to/operate/people.md shows it.

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
class PathRule:
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
    PathRule("/v1/shipments.csv", VIEWER, OPERATOR),
    PathRule("/v1/shipments.xlsx", VIEWER, OPERATOR),
    # Labels and manifests are PDFs, which cannot be masked.
    PathRule("/v1/shipments/*/label", OPERATOR, OPERATOR),
    PathRule("/v1/labels", OPERATOR, OPERATOR),
    PathRule("/v1/manifests", OPERATOR, OPERATOR),
    PathRule("/v1/shipments", VIEWER, OPERATOR),
    PathRule("/v1/actions", VIEWER, OPERATOR),
    PathRule("/v1/answers", VIEWER, OPERATOR),
    PathRule("/v1/pickups", VIEWER, OPERATOR),
    PathRule("/v1/waybills", VIEWER, OPERATOR),
    PathRule("/v1/reconciliations", VIEWER, OPERATOR),
    PathRule("/v1/downtimes", VIEWER, OPERATOR),
    PathRule("/v1/opt-outs", VIEWER, OPERATOR),
    PathRule("/v1/coverage", VIEWER, OPERATOR),
    PathRule("/v1/alarms", VIEWER, OPERATOR),
    # Reports are files, made with the masking of AWBRIDGE_PRIVACY_OWN: they cannot be masked for a viewer.
    PathRule("/v1/reports/*/download", OPERATOR, OPERATOR),
    PathRule("/v1/reports", VIEWER, OPERATOR),
    PathRule("/v1/archive", VIEWER, ADMIN),
    PathRule("/v1/schedules", VIEWER, ADMIN),
    # The API: set-up.
    PathRule("/v1/couriers/*/move", ADMIN, OPERATOR),
    PathRule("/v1/couriers", VIEWER, ADMIN),
    PathRule("/v1/accounts/reset", ADMIN, OPERATOR),
    PathRule("/v1/accounts", VIEWER, ADMIN),
    PathRule("/v1/clickpost-accounts", ADMIN, ADMIN),
    PathRule("/v1/allocation-rules", VIEWER, ADMIN),
    PathRule("/v1/endpoints/*/redeliver", VIEWER, OPERATOR),
    PathRule("/v1/endpoints/*/replay", VIEWER, OPERATOR),
    PathRule("/v1/endpoints/*/enable", VIEWER, OPERATOR),
    PathRule("/v1/endpoints/*/disable", VIEWER, OPERATOR),
    PathRule("/v1/endpoints", VIEWER, ADMIN),
    PathRule("/v1/erasures", VIEWER, ADMIN),
    PathRule("/v1/keys", ADMIN, ADMIN),
    PathRule("/v1/audit", ADMIN, ADMIN),
    PathRule("/metrics", VIEWER, ADMIN),
    # The pages: daily work.
    PathRule("/shipments/columns", VIEWER, VIEWER),
    PathRule("/shipments/evidence", OPERATOR, OPERATOR),
    PathRule("/shipments/import", OPERATOR, OPERATOR),
    PathRule("/shipments/replace", OPERATOR, OPERATOR),
    PathRule("/shipments.csv", VIEWER, OPERATOR),
    PathRule("/shipments.tabs", VIEWER, OPERATOR),
    PathRule("/shipments.xlsx", VIEWER, OPERATOR),
    PathRule("/shipments", VIEWER, OPERATOR),
    PathRule("/search", VIEWER, OPERATOR),
    PathRule("/payload", OPERATOR, OPERATOR),
    PathRule("/failures", VIEWER, OPERATOR),
    PathRule("/ndr", VIEWER, OPERATOR),
    PathRule("/labels", OPERATOR, OPERATOR),
    PathRule("/downtimes", VIEWER, OPERATOR),
    PathRule("/messages", VIEWER, OPERATOR),
    PathRule("/reconciliation/*/evidence/*", OPERATOR, OPERATOR),
    PathRule("/reconciliation", VIEWER, OPERATOR),
    PathRule("/reports/*/download", OPERATOR, OPERATOR),
    PathRule("/reports", VIEWER, OPERATOR),
    PathRule("/dead-letters", VIEWER, OPERATOR),
    PathRule("/alarms", VIEWER, OPERATOR),
    # The pages: set-up.
    PathRule("/couriers", VIEWER, ADMIN),
    PathRule("/allocation/edit", ADMIN, ADMIN),
    PathRule("/allocation", VIEWER, ADMIN),
    PathRule("/setup/guide", VIEWER, ADMIN),
    PathRule("/setup", ADMIN, ADMIN),
    PathRule("/endpoints/*/redeliver", VIEWER, OPERATOR),
    PathRule("/endpoints/*/replay", VIEWER, OPERATOR),
    PathRule("/endpoints/*/enable", VIEWER, OPERATOR),
    PathRule("/endpoints/*/disable", VIEWER, OPERATOR),
    PathRule("/endpoints", VIEWER, ADMIN),
    PathRule("/people/me", VIEWER, VIEWER),
    PathRule("/people", ADMIN, ADMIN),
    PathRule("/keys", ADMIN, ADMIN),
    PathRule("/accounts", ADMIN, ADMIN),
    PathRule("/audit", ADMIN, ADMIN),
    # Needed by every visitor.
    PathRule("/language", VIEWER, VIEWER),
    PathRule("/sign-in", VIEWER, VIEWER),
    PathRule("/sign-out", VIEWER, VIEWER),
    PathRule("/password", VIEWER, VIEWER),
    PathRule("/static", VIEWER, ADMIN),
)
_OVERVIEW = PathRule("/", VIEWER, ADMIN)


def rule_for(path: str) -> PathRule | None:
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
