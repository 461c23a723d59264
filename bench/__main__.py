"""Benchmarks: `python -m bench webhook`, `python -m bench push`, `python -m bench scale`."""

from __future__ import annotations

import click

from bench.push import push
from bench.scale import scale
from bench.webhook import webhook


@click.group()
def main() -> None:
    """Benchmarks with their peers. Each starts what it needs and counts what it was promised."""


main.add_command(webhook)
main.add_command(push)
main.add_command(scale)

if __name__ == "__main__":
    main()
