"""The shop's commands: `flask --app shop create-tables`, `flask --app shop send-orders`."""

from __future__ import annotations

import time

import click
import httpx2
from flask.cli import with_appcontext

from shop import shipping
from shop.models import Base, sessions


@click.command("create-tables")
@with_appcontext
def create_tables() -> None:
    """Create the shop's tables. A shop with Alembic runs its migrations instead."""
    with sessions().begin() as session:
        Base.metadata.create_all(session.connection())


@click.command("send-orders")
@click.option("--every", type=float, metavar="SECONDS", help="Go on, with this pause.")
@with_appcontext
def send_orders(every: float | None) -> None:
    """Send orders to awbridge over HTTP. Not needed where shop and awbridge share a PostgreSQL database."""
    while True:
        try:
            sent, refused = shipping.send_orders()
        except httpx2.HTTPError as error:
            problem = f"awbridge did not take the orders, which stay: {error}"
            if not every:
                raise click.ClickException(problem) from error
            click.echo(problem, err=True)
        else:
            if sent or refused or not every:
                click.echo(f"sent {sent}, refused {refused}")
        if not every:
            return
        time.sleep(every)
