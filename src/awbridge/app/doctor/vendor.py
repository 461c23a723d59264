"""Checks of ClickPost: credentials, account mapping, clock."""

from __future__ import annotations

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.clickpost.client import probe
from awbridge.domain.errors import VendorError
from awbridge.steps.runtime.set_clocks import MAY_DIFFER
from awbridge.store.couriers import couriers
from awbridge.store.engine.clocks.shared_time import SHARED_TIME

CLOCK_MAY_DIFFER = 30.0  # seconds


async def check_accounts(context: CheckContext) -> list[Diagnosis]:
    if context.clickpost is None:
        do = "set AWBRIDGE_CLICKPOST_USERNAME and AWBRIDGE_CLICKPOST_KEY, then start awbridge again"
        return [Diagnosis("clickpost", PROBLEM, "the account is not set", do)]
    try:
        theirs = await context.clickpost.fetch_accounts(active=True)
    except VendorError as error:
        key = error.kind == "configuration" or error.http_status in (401, 403)
        do = (
            "check AWBRIDGE_CLICKPOST_USERNAME and AWBRIDGE_CLICKPOST_KEY against your ClickPost profile"
            if key
            else "check that this machine can reach AWBRIDGE_CLICKPOST_URL (firewall, DNS, proxy)"
        )
        return [Diagnosis("clickpost", PROBLEM, str(error), do)]
    async with context.store.read() as session:
        mine = {(a.courier_partner_id, a.account_code) for a in await couriers.every(session) if a.active}
    accounts = {(a.courier_partner_id, a.account_code): a for a in theirs}
    found = [Diagnosis("clickpost", OK, f"credentials are valid; {len(accounts)} active accounts")]
    if unmapped := [a.account_code for key, a in accounts.items() if key not in mine]:
        text = f"no transporter maps to: {', '.join(unmapped[:10])}"
        found.append(Diagnosis("accounts", WARNING, text, "awbridge couriers sync --apply"))
    if gone := [f"{code or '-'} ({courier})" for courier, code in mine if code and (courier, code) not in accounts]:
        text = f"mapped, but not active at ClickPost: {', '.join(sorted(gone)[:10])}"
        found.append(Diagnosis("accounts", WARNING, text, "awbridge couriers sync"))
    return found if len(found) > 1 else [*found, Diagnosis("accounts", OK, "all mapped")]


async def check_clock(context: CheckContext) -> list[Diagnosis]:
    """Compare this machine's clock with PostgreSQL's, and the clock that awbridge uses with ClickPost's."""
    skew, found = SHARED_TIME.skew, list[Diagnosis]()
    if context.store.dialect == "postgres":
        text = _apart(skew, "this machine's clock", "the database's, which awbridge uses")
        do = "synchronize it with NTP or chrony"
        found = [Diagnosis("clock", WARNING, text, do)] if abs(skew) > MAY_DIFFER else []
    response = await probe.server_time(context.settings.clickpost_url)
    if response is None:
        return [*found, Diagnosis("clock", WARNING, "ClickPost returned no time to compare with")]
    theirs, ours = response
    ahead = (ours - theirs).total_seconds() - skew
    whose = "the database's clock" if context.store.dialect == "postgres" else "this machine's clock"
    text = _apart(ahead, whose, "ClickPost's")
    if abs(ahead) <= CLOCK_MAY_DIFFER:
        return [*found, Diagnosis("clock", OK, text)]
    do = "synchronize it with NTP or chrony: scan order and updated-order windows depend on it"
    return [*found, Diagnosis("clock", PROBLEM, text, do)]


def _apart(ahead: float, whose: str, reference: str) -> str:
    return f"{whose} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} {reference}"
