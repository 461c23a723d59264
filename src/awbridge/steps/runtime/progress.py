"""How a long step reports what it has done, to a command that shows it."""

from __future__ import annotations

from collections.abc import Callable

OnDone = Callable[[int], None]  # receives how many more are done


def unwatched(_more: int) -> None:
    """Nobody watches."""
