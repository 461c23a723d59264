"""`python -m tools.reference` writes the pages of docs/reference/ that are made from the code.

python -m tools.reference               writes all
python -m tools.reference api codes     writes these
"""

from __future__ import annotations

import sys

from tools.reference.pages import PAGES, path_of, text_of


def main(names: list[str]) -> int:
    """Write the pages; the exit code."""
    unknown = [name for name in names if name not in PAGES]
    if unknown:
        sys.stderr.write(f"no such page: {', '.join(unknown)}; there are {', '.join(PAGES)}\n")
        return 2
    for name in names or PAGES:
        path_of(name).write_text(text_of(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
