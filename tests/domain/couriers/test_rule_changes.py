"""The differences between two lists of rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.couriers.allocation import Rule
from awbridge.domain.couriers.rule_changes import rule_changes, rules_mark


def rules(names: str, **conditions: str) -> list[Rule]:
    return [Rule(name=name, transporter=conditions.get(name, "fast")) for name in names]


def changes(before: list[Rule], after: list[Rule]) -> list[tuple[str, str]]:
    return [(change.kind.value, change.name) for change in rule_changes(before, after)]


def test_rules_are_added_removed_changed_and_moved() -> None:
    assert changes(rules("abc"), rules("abc")) == []
    assert changes(rules("abc"), rules("abcd")) == [("added", "d")]
    assert changes(rules("abc"), rules("ac")) == [("removed", "b")]
    assert changes(rules("abc"), rules("abc", b="slow")) == [("changed", "b")]
    assert changes(rules("abcd"), rules("dabc")) == [("moved", "d")]
    (moved,) = rule_changes(rules("abcd"), rules("bcda"))
    assert (moved.position_before, moved.position_after) == (1, 4)


def test_an_insertion_moves_no_other_rule() -> None:
    assert changes(rules("abc"), rules("xabc")) == [("added", "x")]
    assert changes([], rules("a")) == [("added", "a")]
    assert changes(rules("a"), []) == [("removed", "a")]


@given(st.permutations("abcdefg"), st.permutations("abcdefg"))
def test_what_did_not_move_is_in_the_same_order_in_both(before: list[str], after: list[str]) -> None:
    moved = {name for _, name in changes(rules("".join(before)), rules("".join(after)))}
    assert [n for n in before if n not in moved] == [n for n in after if n not in moved]
    assert len(moved) < len(before)


def test_the_mark_follows_content_and_order() -> None:
    assert rules_mark(rules("ab")) == rules_mark(rules("ab"))
    assert len({rules_mark(rules(names)) for names in ("ab", "ba", "a", "")}) == 4
    assert rules_mark(rules("a")) != rules_mark(rules("a", a="slow"))
