"""Who chooses the courier of an order that names none. Pure."""

from __future__ import annotations

from enum import StrEnum


class Allocation(StrEnum):
    """Who chooses the courier of an order without a transporter. RULES without rules refuses such orders, like OFF."""

    OFF = "off"
    RULES = "rules"
    RECOMMENDATION = "recommendation"
    RULES_THEN_RECOMMENDATION = "rules-then-recommendation"

    @property
    def by_rules(self) -> bool:
        """Whether the company's rules apply."""
        return self in (Allocation.RULES, Allocation.RULES_THEN_RECOMMENDATION)

    @property
    def by_recommendation(self) -> bool:
        """Whether ClickPost recommends a courier if no rule matches."""
        return self in (Allocation.RECOMMENDATION, Allocation.RULES_THEN_RECOMMENDATION)
