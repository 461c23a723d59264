"""The SQL statements of the store, found by file name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from awbridge.store.engine.queries import Queries

STORE = Path(str(resources.files("awbridge.store")))


def statement_files() -> dict[str, Path]:
    """The name of a module of the store -> the statements beside it."""
    return {file.stem: file for file in sorted(STORE.rglob("*.sql")) if file.with_suffix(".py").exists()}


def statements_of(name: str) -> Queries:
    """The statements beside the module of this name."""
    inside = statement_files()[name].relative_to(STORE).with_suffix("")
    return Queries(".".join(("awbridge.store", *inside.parts)))
