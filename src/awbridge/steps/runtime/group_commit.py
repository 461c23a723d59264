"""One transaction for what several tasks want to write at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from awbridge.domain.errors import StoreBusy
from awbridge.store import Store
from awbridge.store.engine.database import Session

T = TypeVar("T")
Work = Callable[[Session], Coroutine[Any, Any, T]]


class _Sortable(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


@dataclass(slots=True)
class _Waiting:
    order: _Sortable
    work: Work[Any]
    done: asyncio.Future[Any]


class GroupCommit:
    """Runs the writes of tasks in groups: what arrives while a transaction is under way shares the next one.

    A commit costs the same, whatever is in it. Where a write of a group fails, the group is rolled back and each runs
    again in a transaction of its own, so that no other fails with it. So a write may run twice: it has no effects but
    those in the database. Use it as `async with`; leaving the block ends what is under way.
    """

    def __init__(self, store: Store, *, at_most: int = 16) -> None:
        """`at_most`: writes in a transaction. They keep their locks until all of them are done."""
        self._store = store
        self._at_most = at_most
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._running:
            if kind:
                self._running.cancel()
            await asyncio.wait([self._running])

    async def write(self, work: Work[T], *, order: _Sortable) -> T:
        """What `work` returns, once it is committed. Raises what it or the database raises.

        `work` awaits nothing but its session (`Database.transact`). `order`: by what the writes of a group are sorted,
        so that two processes lock the same rows in the same order.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(order, work, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        await asyncio.sleep(0)  # tasks that start together share the first transaction too
        while self._waiting:
            group, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
            group = [one for one in group if not one.done.done()]  # not what was cancelled meanwhile
            await self._commit(sorted(group, key=lambda one: one.order))

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        async def all_of_them(session: Session) -> list[Any]:
            return [await one.work(session) for one in group]

        try:
            results = await self._store.transact(all_of_them) if group else []
        except Exception as error:
            if len(group) == 1 or isinstance(error, StoreBusy):  # a busy database would refuse each by itself too
                for one in group:
                    if not one.done.done():
                        one.done.set_exception(error)
                return
            for one in group:
                await self._commit([one])
            return
        for one, result in zip(group, results, strict=True):
            if not one.done.done():
                one.done.set_result(result)
