"""Makes the client without asyncio out of the one for asyncio, so that there is one source and no twin to keep.

python tools/make_sync.py            writes the files
python tools/make_sync.py --check    fails where they are not what their source makes
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "src" / "awbridge" / "clickpost" / "client"
FILES = {"async_client.py": "sync_client.py", "async_calls.py": "sync_calls.py"}

WORDS = {
    r"\bfor asyncio\. Use as an async ": "without asyncio. Use as a ",
    r"\basync (?=def|with|for)": "",
    r"\bawait ": "",
    r"\bimport asyncio\b": "import time",
    r"\basyncio(?=\.\w)": "time",
    r"\bAsync(?=ClickPost|Calls|Iterator|Client|BaseTransport)": "",
    r"\b__a(?=enter__|exit__)": "__",
    r"\ba(?=close\b|iter_bytes\b)": "",
    r"\basync_(?=client|calls)": "sync_",
}

OPENING = {
    "sync_client.py": "The client without asyncio",
    "sync_calls.py": "The calls of ClickPost beside orders and tracking",
}


def made(source: str, target: str) -> str:
    """The text of a file without asyncio."""
    text = (FOLDER / source).read_text(encoding="utf-8")
    for word, plain in WORDS.items():
        text = re.sub(word, plain, text)
    opening = f'"""{OPENING[target]}. Made by tools/make_sync.py from {source}."""'
    text = re.sub(r'\A""".*?"""', opening, text, count=1, flags=re.DOTALL)
    return formatted(text, target)


def formatted(text: str, name: str) -> str:
    """The text as the project's formatter writes it, imports sorted."""
    for command in (["check", "--select", "I,F401", "--fix-only", "--quiet"], ["format", "--quiet"]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(FOLDER / name), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = run.stdout
    return text


def main() -> int:
    """Write or check the files; the number of those that differ."""
    check = "--check" in sys.argv[1:]
    stale = 0
    for source, target in FILES.items():
        text, path = made(source, target), FOLDER / target
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if check:
            sys.stderr.write(f"{target} is not what {source} makes: run python tools/make_sync.py\n")
        else:
            path.write_text(text, encoding="utf-8")
    return stale if check else 0


if __name__ == "__main__":
    sys.exit(main())
