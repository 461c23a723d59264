"""The benchmarks; `python -m bench --help` lists them."""

from __future__ import annotations

import click

from bench.accounts import accounts
from bench.apply import apply
from bench.backlog import backlog
from bench.capacity import capacity
from bench.claims import claims
from bench.customer_page import customer_page
from bench.idle import idle
from bench.imports import imports
from bench.months import months
from bench.outage import outage
from bench.push import push
from bench.reading import reading
from bench.reconcile import reconcile
from bench.scale import scale
from bench.servers import servers
from bench.shared import shared
from bench.size import size
from bench.start import start
from bench.table import table
from bench.webhook import webhook
from bench.workers import workers


@click.group()
def main() -> None:
    """Benchmarks against peers. Each starts what it needs and verifies its own result."""


main.add_command(webhook)
main.add_command(accounts)
main.add_command(push)
main.add_command(outage)
main.add_command(claims)
main.add_command(capacity)
main.add_command(backlog)
main.add_command(apply)
main.add_command(scale)
main.add_command(servers)
main.add_command(reconcile)
main.add_command(start)
main.add_command(table)
main.add_command(shared)
main.add_command(size)
main.add_command(reading)
main.add_command(imports)
main.add_command(customer_page)
main.add_command(workers)
main.add_command(idle)
main.add_command(months)

if __name__ == "__main__":
    main()
