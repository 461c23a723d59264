"""Checks of the accounts beside the home."""

from __future__ import annotations

from datetime import timedelta

from awbridge.app.accounts.registry import AccountRegistry
from awbridge.app.doctor.diagnosis import ATTENTION, OK, PROBLEM, WARNING, CheckContext, Diagnosis

_LATE = timedelta(minutes=15)
_CHECK = "accounts beside"


async def check_beside(context: CheckContext) -> list[Diagnosis]:
    """What is wrong with the accounts beside the home, and which of them are late. Nothing where there are none."""
    if context.settings.account:
        return []
    registry = AccountRegistry(context.settings, context.store)
    accounts, figures = await registry.all(), await registry.figures()
    do = "correct the file; services read it again by themselves"
    found = [Diagnosis(_CHECK, PROBLEM, text, do) for text in await registry.file_problems()]
    for name, account in accounts.items():
        if account.problem:
            found.append(Diagnosis(_CHECK, PROBLEM, f"{name}: {account.problem}", "awbridge accounts list"))
        elif account.works and account.missing_parts:
            do = "run that command, or unset what needs it: the account is not worked for"
            found.append(Diagnosis(_CHECK, PROBLEM, f"{name}: {account.missing_parts}", do))
    now = context.clock()
    for name, one in figures.items():
        if name in accounts and accounts[name].works and one.due_at and now - one.due_at > _LATE:
            minutes = (now - one.due_at) // timedelta(minutes=1)
            late = f"{name}: its oldest order or delivery has been due for {minutes} min"
            found.append(Diagnosis(_CHECK, WARNING, late, f"awbridge --account {name} doctor"))
        if name in accounts and one.alarms:
            text = f"{name}: {one.alarms} open {'alarm' if one.alarms == 1 else 'alarms'}"
            found.append(Diagnosis(_CHECK, ATTENTION, text, f"awbridge --account {name} alarms list"))
    found += [Diagnosis(_CHECK, WARNING, text, "correct its name, or remove it") for text in registry.strays()]
    if accounts and not found:
        working = sum(account.works for account in accounts.values())
        found.append(Diagnosis(_CHECK, OK, f"{working} of {len(accounts)} at work, the others suspended"))
    return found
