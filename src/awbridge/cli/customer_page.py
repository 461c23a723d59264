"""`awbridge links`: the links to the customer's page."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, Results, form_options
from awbridge.cli.shared import confirm, fail, on_settings, yes_option
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store

if TYPE_CHECKING:
    from awbridge.app.settings import Settings

_OFF = "the customer's page is off: set AWBRIDGE_TRACK_URL and AWBRIDGE_TRACK_KEYS (awbridge links new-key)"
_ROTATION = """To use it, put it first and start awbridge again:

  AWBRIDGE_TRACK_KEYS={key},<the keys that are there now>

New links are made with it, and every earlier link keeps working. A key that is removed takes its links with it: wait
until they have expired, or remove it at once if it has leaked."""


@click.group("links", cls=Group)
def links_group() -> None:
    """Links to the customer's page: show, check and revoke them."""


@links_group.command("show")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@form_options
@on_settings
async def show_link(settings: Settings, store: Store, name: str, form: Form) -> None:
    """Show the link of a shipment: the whole one, the short one for an SMS, and when it expires.

    Example: awbridge links show ORDER-1001
    """
    from awbridge.domain.customer_page.links import expires_at
    from awbridge.steps.orders import look_up

    links = settings.track_links
    if not links.is_on:
        fail(_OFF)
    async with store.read() as session:
        shipment = await look_up.named(session, name, now=utc_now())
    shown = {
        "reference_number": shipment.reference_number,
        "track_url": links.url(shipment),
        "short_url": links.short_url(shipment),
        "expires_at": expires_at(shipment, settings.track_links_valid_for),
        "revoked": shipment.link_generation,
    }
    output.show_one(shown, shown, form=form, view=tuple(shown))


@links_group.command("revoke")
@click.argument("reference_numbers", nargs=-1, required=True)
@yes_option
@form_options
@on_settings
async def revoke_links(
    settings: Settings, store: Store, reference_numbers: tuple[str, ...], yes: bool, form: Form
) -> None:
    """Revoke the links of shipments: the old ones open nothing any more, and each shipment has a new one.

    Example: awbridge links revoke ORDER-1001
    """
    from awbridge.steps.customer_page.revoke_link import revoke_link

    confirm(f"revoke the links of {len(reference_numbers)} shipments for good", yes=yes)
    with Results(form, view=("reference_number", "track_url")) as results:
        for reference in reference_numbers:
            renewed = await revoke_link(store=store, clock=utc_now, reference_number=reference)
            url = settings.track_links.url(renewed)
            results.add({"reference_number": reference, "track_url": url}, f"{reference}: {url or 'revoked'}")


@links_group.command("new-key")
@form_options
def new_key(form: Form) -> None:
    """Print a new key for links, and how to use it. Nothing is stored.

    Example: awbridge links new-key
    """
    key = secrets.token_hex(24)
    output.show_one({"key": key}, key, form=form, view=("key",))
    click.echo(_ROTATION.format(key=key), err=True)


@links_group.command("check")
@click.argument("link", metavar="TOKEN_OR_URL")
@form_options
@on_settings
async def check(settings: Settings, store: Store, link: str, form: Form) -> None:
    """Say what a link opens, or why it opens nothing.

    Exit code 1: it opens nothing.

    Example: awbridge links check https://track.shop.example/track/5vd6hvnrhwxyfxlp
    """
    from awbridge.steps.customer_page.check_link import LinkState, check_link

    keys = settings.track_links.keys or fail(_OFF)
    valid_for = settings.track_links_valid_for
    found = await check_link(store=store, clock=utc_now, keys=keys, link=link, valid_for=valid_for)
    texts = {
        LinkState.OPENS: f"opens {found.reference_number}",
        LinkState.EXPIRED: f"expired: it belongs to {found.reference_number}",
        LinkState.GONE: "opens nothing: it was revoked, or the personal data of its shipment is erased",
        LinkState.UNKNOWN: "opens nothing: no key of AWBRIDGE_TRACK_KEYS made it",
    }
    output.show_one(found, texts[found.state], form=form, view=("state", "reference_number", "expires_at"))
    if found.state is not LinkState.OPENS:
        sys.exit(1)
