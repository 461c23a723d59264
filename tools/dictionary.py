"""Train the dictionary of store/engine/packing.py on a SQLite database that `python -m bench size` has filled.

The sandbox made everything in it: no real person's data goes into the package. A new dictionary gets a number of its
own, in NUMBERS of packing.py; released ones stay.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import click
import zstandard

from awbridge.store.engine import packing

SIZE = 64 * 1024
# A request has the payload in it.
_SAMPLES = (
    ("SELECT body FROM inbox ORDER BY id", ()),
    ("SELECT packed_call, url, request, response FROM attempts ORDER BY id", ("url", "request", "response")),
    ("SELECT packed_body, body FROM events ORDER BY id", ("body",)),
)


def _samples(database: Path) -> Iterator[bytes]:
    """What is packed in a database, as it was before."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    for statement, texts in _SAMPLES:
        for first, *columns in connection.execute(statement):
            value: Any = first
            if value is not None:
                yield packing.unpacked(bytes(value))
            elif texts:
                yield "\x00".join(str(column) for column in columns).encode()


@click.command()
@click.argument("database", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("number", type=int)
def main(database: Path, number: int) -> None:
    """Write the dictionary of this number, from the bodies and texts of DATABASE."""
    samples = list(_samples(database))
    random.Random(number).shuffle(samples)  # noqa: S311 - the same every time
    made = zstandard.train_dictionary(SIZE, samples, dict_id=number, level=packing.LEVEL, steps=8)
    file = Path(packing.__file__).with_name(f"bodies-{number}.zdict")
    file.write_bytes(made.as_bytes())
    click.echo(f"{file.name}: {len(made)} bytes, from {len(samples)} samples")


if __name__ == "__main__":
    main()
