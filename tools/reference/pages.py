"""Which pages are made from the code, by which module, and their texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from tools import guide_table
from tools.reference import collection, models
from tools.reference.markdown import FOLDER, ROOT, head_of

# Pages with a text of their own above what is generated: by a module of this package with a function `page`.
_MODULES = ("settings", "events", "metrics", "codes", "api", "commands")
# Pages that other tools make in their whole.
_WHOLE: Mapping[str, tuple[Path, Callable[[], str]]] = {
    "guide": (guide_table.PAGE, guide_table.page),
    "models": (models.PAGE, models.page),
    "collection": (collection.PAGE, collection.page),
}

PAGES = (*_MODULES, *_WHOLE)


def path_of(name: str) -> Path:
    """The file of a page."""
    return _WHOLE[name][0] if name in _WHOLE else ROOT / FOLDER / f"{name}.md"


def text_of(name: str) -> str:
    """A page as it has to be, for its own text of now. Raises ValueError where its file lacks the mark."""
    if name in _WHOLE:
        return _WHOLE[name][1]()
    return head_of(name) + "\n" + import_module(f"tools.reference.{name}").page().rstrip("\n") + "\n"
