"""`awbridge answers`: what customers answer on the page of their parcel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, Results, form_options, page_options
from awbridge.cli.shared import on_settings, on_store, operator
from awbridge.domain.cursors import make_cursor
from awbridge.domain.customer_page.answer_rules import AnswerHandling, read_rules
from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswerKind
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.customer_page import answers

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.store import Store

_SUMMARY = ("id", "reference_number", "waybill", "kind", "day", "state", "settled_by", "why", "received_at")
_VIEW = "answers:AnswerView"

note_option = click.option("--note", default="", help="For operators; the customer does not see it.")


@click.group("answers", cls=Group)
def answers_group() -> None:
    """Customers' answers: what they want after a failed delivery."""


@answers_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in AnswerState]), help="Only answers in this state.")
@page_options(50)
@form_options
@on_store
async def list_answers(store: Store, state: str | None, limit: int, cursor: str | None, form: Form) -> None:
    """List customers' answers, newest first.

    Example: awbridge answers list --state received
    """
    chosen, before = AnswerState(state) if state else None, output.position_of(cursor)
    async with store.read() as session:
        found = await answers.newest(session, state=chosen, before=before, limit=limit + 1)
    part, page = output.paged(found, limit, lambda a: make_cursor(a.received_at, a.id), "answers")
    rows = [output.pick(a, _SUMMARY) for a in part]
    output.show_list(part, rows, form=form, view=_VIEW, empty="no answers", page=page)


@answers_group.command("confirm")
@click.argument("answer_ids", nargs=-1, required=True)
@note_option
@form_options
@on_settings
async def confirm_answers(settings: Settings, store: Store, answer_ids: tuple[str, ...], note: str, form: Form) -> None:
    """Send answers to the courier as NDR actions; those without an instruction are recorded as dealt with.

    Example: awbridge answers confirm 2f0c1d4e5a6b7c8d9e0f1a2b
    """
    from awbridge.app.policies import answer_policy
    from awbridge.steps.customer_page import answers as steps

    policy = answer_policy(settings)
    with Results(form, view=_VIEW) as results:
        for answer_id in answer_ids:
            answer = await steps.confirm(
                store=store, clock=utc_now, policy=policy, answer_id=answer_id, by=operator(), note=note
            )
            results.add(answer, f"{answer_id}: {answer.state}")


@answers_group.command("dismiss")
@click.argument("answer_ids", nargs=-1, required=True)
@note_option
@form_options
@on_store
async def dismiss_answers(store: Store, answer_ids: tuple[str, ...], note: str, form: Form) -> None:
    """Decide against answers. Nothing is sent.

    Example: awbridge answers dismiss 2f0c1d4e5a6b7c8d9e0f1a2b --note "the address is the same"
    """
    from awbridge.steps.customer_page import answers as steps

    with Results(form, view=_VIEW) as results:
        for answer_id in answer_ids:
            answer = await steps.dismiss(store=store, clock=utc_now, answer_id=answer_id, by=operator(), note=note)
            results.add(answer, f"{answer_id}: {answer.state}")


@answers_group.command("rules")
@click.option("--courier", type=int, help="A courier partner's id: how each of its answers is handled.")
@click.option("--reason", type=int, help="An NDR code, with --courier.")
@form_options
@on_settings
async def show_rules(settings: Settings, _store: Store, courier: int | None, reason: int | None, form: Form) -> None:
    """Show the rules of AWBRIDGE_CUSTOMER_ANSWERS, or how the answers about one courier are handled by them.

    Example: awbridge answers rules --courier 4 --reason 1
    """
    rules = read_rules(settings.customer_answers)
    if courier is None:
        found = [
            {"rule": str(rule), "courier": _named(rule.courier_partner_id), "reason": _named(rule.ndr_code),
             "answer": _named(rule.kind), "handling": _MEANINGS[rule.handling]}
            for rule in rules.rules
        ]  # fmt: skip
        view = ("rule", "courier", "reason", "answer", "handling")
        output.show_list(found, form=form, view=view, empty="no rules: an operator is asked about every answer")
        return
    handled = [
        {"answer": k.value, "handling": _MEANINGS[rules.handling(courier, reason, k)]} for k in CustomerAnswerKind
    ]
    output.show_list(handled, form=form, view=("answer", "handling"))


_MEANINGS = {
    AnswerHandling.SEND: "sent to the courier at once",
    AnswerHandling.ASK: "an operator is asked",
    AnswerHandling.OFF: "not offered",
}


def _named(part: object) -> str:
    return "all" if part is None else str(part)
