"""How the shop wants answers handled: by courier partner, reason and kind, in its own order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from awbridge.domain.customer_page.answers import TASKS, CustomerAnswerKind


class AnswerHandling(StrEnum):
    """What happens to an answer: sent to the courier at once, an operator is asked, or it is not offered."""

    SEND = "send"
    ASK = "ask"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """How answers are handled: of a courier partner, a reason (NDR code) and a kind; None stands for all."""

    courier_partner_id: int | None
    ndr_code: int | None
    kind: CustomerAnswerKind | None
    handling: AnswerHandling

    def matches(self, courier_partner_id: int, ndr_code: int | None, kind: CustomerAnswerKind) -> bool:
        """Whether the rule is about such an answer."""
        return (
            self.courier_partner_id in (None, courier_partner_id)
            and self.ndr_code in (None, ndr_code)
            and self.kind in (None, kind)
        )

    def __str__(self) -> str:
        parts = ("*" if part is None else str(part) for part in (self.courier_partner_id, self.ndr_code, self.kind))
        return f"{'/'.join(parts)}={self.handling}"


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """The rules of the shop, in their order: the last one that matches decides. Without a match, an operator is asked.

    Answers that no instruction can carry out are never sent by a rule.
    """

    rules: tuple[AnswerRule, ...] = ()

    def handling(self, courier_partner_id: int, ndr_code: int | None, kind: CustomerAnswerKind) -> AnswerHandling:
        """How such an answer is handled."""
        matching = [rule.handling for rule in self.rules if rule.matches(courier_partner_id, ndr_code, kind)]
        found = matching[-1] if matching else AnswerHandling.ASK
        return AnswerHandling.ASK if found is AnswerHandling.SEND and kind in TASKS else found


NO_RULES = AnswerRules()


def read_rules(text: str) -> AnswerRules:
    """Rules as `courier/reason/answer=send|ask|off`, comma-separated, with `*` for all. Raises ValueError."""
    return AnswerRules(tuple(_rule(part.strip()) for part in text.split(",") if part.strip()))


def _rule(text: str) -> AnswerRule:
    sides, equals, handling = text.partition("=")
    parts = [part.strip() for part in sides.split("/")]
    if not equals or len(parts) != 3:
        raise ValueError(
            f"{text!r} is not courier/reason/answer=send, such as 4/1/deliver_again=send or */*/refuse=off"
        )
    courier, reason, kind = parts
    if handling.strip() not in set(AnswerHandling):
        raise ValueError(f"{text!r}: after = write one of {', '.join(AnswerHandling)}")
    if kind != "*" and kind not in set(CustomerAnswerKind):
        raise ValueError(f"{text!r}: {kind!r} is no answer; write one of {', '.join(CustomerAnswerKind)}, or *")
    named = None if kind == "*" else CustomerAnswerKind(kind)
    if named in TASKS and handling.strip() == AnswerHandling.SEND:
        raise ValueError(f"{text!r}: ClickPost has no instruction for {named}, so it cannot be sent; write ask or off")
    return AnswerRule(
        _number(courier, text, "the courier is its courier_partner_id"),
        _number(reason, text, "the reason is an NDR code"),
        named,
        AnswerHandling(handling.strip()),
    )


def _number(part: str, text: str, what: str) -> int | None:
    if part == "*":
        return None
    if not (part.isascii() and part.isdecimal() and len(part) <= 9):
        raise ValueError(f"{text!r}: {what}, a number, or *; {part!r} is neither")
    return int(part)
