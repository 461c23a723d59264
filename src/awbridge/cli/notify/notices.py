"""`awbridge notices`: messages to customers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import fail, on_store, read_settings, with_store
from awbridge.domain.notify.notices import Channel, NoticeState
from awbridge.domain.tracking.milestones import Milestone
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.notify import notices

if TYPE_CHECKING:
    from awbridge.store import Store

_NOTICE = ("reference_number", "milestone", "channel", "state", "why")
_NOTICE_IN_FULL = (*_NOTICE, "due_at", "tries", "language", "created_at", "settled_at")
_MESSAGE = ("language", "subject", "text", "html", "dlt_template_id")


@click.group("notices", cls=Group)
def notices_group() -> None:
    """Messages to customers: what was sent, what was not, and why."""


@notices_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in NoticeState]), help="Only notices in this state.")
@click.option("--shipment", help="Only this reference number's, with the milestones that have no notice.")
@page_options(50)
@form_options
@on_store
async def list_notices(
    store: Store, state: str | None, shipment: str | None, limit: int, cursor: str | None, form: Form
) -> None:
    """Show notices, newest first, with the reason why each was sent, delayed or suppressed.

    Example: awbridge notices list --shipment ORDER-1001
    """
    if shipment is not None:
        await _list_of_shipment(store, shipment, state, limit, cursor, form)
        return
    before = output.number_of(cursor)
    async with store.read() as session:
        chosen = NoticeState(state) if state else None
        found = await notices.newest(session, state=chosen, before=before, limit=limit + 1)
    part, page = output.paged(found, limit, lambda n: n.id, "notices")
    rows = [output.pick(n, _NOTICE) for n in part]
    output.show_list(part, rows, form=form, view="notify:ListedNoticeView", empty="no notices", page=page)


async def _list_of_shipment(
    store: Store, reference: str, state: str | None, limit: int, cursor: str | None, form: Form
) -> None:
    """The milestones of a shipment and their notices: as the API shows them in JSON, flat as text and as CSV."""
    async with store.read() as session:
        made = [n for n in await notices.of_shipment(session, reference) if state in (None, n.state.value)]
        reached = await notices.milestones_of(session, reference)
    with_notice = {n.milestone for n in made}
    if form == "json":
        from awbridge.web.v1.views.notify import milestone_view

        shown = [milestone_view(r, made) for r in reached if state is None or r.milestone in with_notice]
        part, page = output.whole(shown, limit=limit, cursor=cursor)
        output.show_list(part, form=form, view="notify:MilestoneView", page=page)
        return
    rows = [output.pick(n, _NOTICE_IN_FULL) for n in made]
    rows += [_without_notice(r) for r in reached if state is None and r.milestone not in with_notice]
    part, page = output.whole(rows, limit=limit, cursor=cursor)
    table = [output.pick(row, _NOTICE) for row in part]
    output.show_list(part, table, form=form, view=_NOTICE_IN_FULL, empty="no notices", page=page)


def _without_notice(reached: notices.NoticeMilestone) -> dict[str, Any]:
    why = reached.why or "its notices are about to be created"
    return dict.fromkeys(_NOTICE_IN_FULL) | output.pick(reached, ("reference_number", "milestone")) | {"why": why}


@notices_group.command("preview")
@click.argument("milestone", type=click.Choice([m.value for m in Milestone]))
@click.option(
    "--channel", type=click.Choice([c.value for c in Channel]), default="sms", show_default=True, help="Which message."
)
@click.option("--language", default="", help="en, hi, ...  [default: the shipment's, or AWBRIDGE_NOTICE_LANGUAGE]")
@click.option("--shipment", help="With the values of this shipment, by its reference number.")
@click.option("--return", "is_return", is_flag=True, help="As for a return.")
@click.option("--another-day", is_flag=True, help="As it reads on another day than that of the scan.")
@click.option("--html", "as_html", is_flag=True, help="Print the HTML of a mail.")
@form_options
def preview(
    milestone: str,
    channel: str,
    language: str,
    shipment: str | None,
    is_return: bool,
    another_day: bool,
    as_html: bool,
    form: Form,
) -> None:
    """Print a message with made-up values, or with those of a shipment.

    Example: awbridge notices preview out_for_delivery --channel mail --language hi
    """
    from awbridge.app.connections import templates
    from awbridge.app.policies import notify_policy
    from awbridge.steps.notify.preview import MessageChoice, preview_example, preview_for

    settings = read_settings()
    texts, policy = templates(settings), notify_policy(settings)
    choice = MessageChoice(
        milestone=Milestone(milestone),
        channel=Channel(channel),
        language=language,
        is_return=is_return,
        another_day=another_day,
    )
    if shipment is None:
        seen = preview_example(texts, policy, choice)
    else:
        reference = shipment
        seen = with_store(
            lambda store: preview_for(
                store=store, clock=utc_now, templates=texts, policy=policy, reference_number=reference, choice=choice
            )
        )
    message = seen.message or fail(seen.problem)
    if seen.missing_language:
        text = f"There is no template of this message in {seen.missing_language!r}; it is sent in {message.language!r}."
        click.echo(text, err=True)
    if form != "text":
        output.show_one(message, form=form, view=_MESSAGE)
        return
    if as_html:
        click.echo(message.html or fail("only mails have HTML"))
        return
    for name, value in (("subject", message.subject), ("dlt_template_id", message.dlt_template_id)):
        if value:
            click.echo(f"{name}: {value}")
    click.echo(message.text)


@notices_group.command("lint")
@form_options
def lint(form: Form) -> None:
    """Check every template, yours and the shipped ones.

    Exit code 1: a message cannot be rendered.

    Example: awbridge notices lint
    """
    from awbridge.app.connections import templates

    findings = templates(read_settings()).lint()
    rows = [{"file": f.file, "level": "error" if f.wrong else "hint", "text": f.text} for f in findings]
    output.show_list(rows, form=form, view=("file", "level", "text"), empty="all templates ok")
    if any(f.wrong for f in findings):
        sys.exit(1)
