"""The command for shops whose database is not awbridge's: sends the orders that awbridge does not have."""

import time
from argparse import ArgumentParser

import httpx2
from django.core.management.base import BaseCommand, CommandError

from orders import shipping


class Command(BaseCommand):
    """`python manage.py send_orders`, by a timer; or `--every 5`, as a service."""

    help = "Sends orders to awbridge over HTTP. Not needed where shop and awbridge share a PostgreSQL database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on, with this pause")

    def handle(self, *, every: float | None, **_: object) -> None:
        while True:
            try:
                sent, refused = shipping.send_orders()
            except httpx2.HTTPError as error:
                if not every:
                    raise CommandError(f"awbridge did not take the orders, which stay: {error}") from error
                self.stderr.write(f"awbridge did not take the orders, which stay: {error}")
            else:
                if sent or refused or not every:
                    self.stdout.write(f"sent {sent}, refused {refused}")
            if not every:
                return
            time.sleep(every)
