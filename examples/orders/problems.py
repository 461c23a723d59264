"""Why an order of a shop is not registered. The texts name the order and the field, never the customer's data."""

from __future__ import annotations


class OrderProblem(Exception):
    """An order that cannot be sent as it is. The text names the order, the field, and what to do."""

    def __init__(self, order: str, field: str, problem: str) -> None:
        super().__init__(f"order {order}: {field} {problem}")
        self.order, self.field, self.problem = order, field, problem


class NotToShip(Exception):
    """An order that needs no parcel now: unpaid, on hold, fulfilled, or without goods. The text says which."""

    def __init__(self, order: str, reason: str) -> None:
        super().__init__(f"order {order}: nothing to ship: {reason}")
        self.order, self.reason = order, reason


class Cancelled(NotToShip):
    """An order that was cancelled: its shipments are cancelled too."""
