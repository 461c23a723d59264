"""Whose turn it is where several accounts share connections: counted, not timed."""

from __future__ import annotations

import asyncio

from awbridge.store.engine.connections.turns import Turns


def turns_of(slots: int, *accounts: str) -> Turns:
    turns = Turns(slots)
    for account in accounts:
        turns.join(account)
    return turns


class Work:
    """Requests that take a slot and wait until they are let go; in the order in which they had their turn."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def ask(self, *names: str) -> None:
        """`a1` is a request of account a."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._run(name))
        await self.settle()

    async def _run(self, name: str) -> None:
        await self.turns.take(name[0])
        self.served.append(name)
        try:
            await self._ends[name].wait()
        finally:
            self.turns.give_back(name[0])

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
            await self.settle()

    async def settle(self) -> None:
        for _ in range(6):
            await asyncio.sleep(0)


async def test_an_account_that_is_alone_has_all_slots() -> None:
    work = Work(turns_of(4, "a"))
    await work.ask(*(f"a{n}" for n in range(6)))
    assert work.served == ["a0", "a1", "a2", "a3"]


async def test_while_there_are_others_an_account_has_at_most_half_and_two_at_least() -> None:
    assert [turns_of(slots, "a", "b").share for slots in (1, 2, 3, 4, 5, 9, 40)] == [1, 2, 2, 2, 2, 4, 20]
    assert turns_of(9, "a", "a").share == 9, "two stores of one account"
    work = Work(turns_of(6, "a", "b"))
    await work.ask(*(f"a{n}" for n in range(9)))
    assert len(work.served) == 3
    await work.ask("b0", "b1")
    assert work.served[3:] == ["b0", "b1"], "what the others may not have is free at once"


async def test_what_an_account_holds_already_is_drained_when_another_comes() -> None:
    work = Work(turns_of(4, "a"))
    await work.ask(*(f"a{n}" for n in range(8)))
    work.turns.join("b")
    await work.ask("b0")
    await work.end("a0")
    assert work.served[4:] == ["b0"]
    await work.end("a1", "a2")
    assert work.served[5:] == ["a4"], "two of four again"
    work.turns.leave("b")
    await work.end("b0")
    assert work.served[6:] == ["a5", "a6"]


async def test_a_flood_of_one_account_delays_another_by_one_turn() -> None:
    work = Work(turns_of(1, "a", "b", "c"))
    await work.ask("a0", *(f"a{n}" for n in range(1, 50)), "b0", "c0", "c1")
    for n in range(3):
        await work.end(work.served[n])
    assert work.served == ["a0", "b0", "c0", "a1"], "each account in its turn, last the one that had it"
    await work.ask("b1")
    await work.end("a1", "c1")
    assert work.served[4:] == ["c1", "b1"], "they came before it lined up again"


async def test_requests_that_were_cancelled_cost_nobody_a_slot() -> None:
    work = Work(turns_of(1, "a", "b"))
    await work.ask("a0", "a1", "b0", "b1")
    work.tasks["a1"].cancel()
    await work.settle()
    await work.end("a0")
    assert work.served == ["a0", "b0"]
    await work.ask("a2")
    work.turns.give_back("b")  # the slot goes to a2, whose task is cancelled before it runs
    work.tasks["a2"].cancel()
    await work.settle()
    assert work.served == ["a0", "b0", "b1"]
