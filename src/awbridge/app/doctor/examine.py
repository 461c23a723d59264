"""Run every check of the doctor in order."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from typing import Any

from awbridge.app.connections import vendor
from awbridge.app.database import open_store
from awbridge.app.doctor.audit import check_archive
from awbridge.app.doctor.beside import check_beside
from awbridge.app.doctor.customer_page import check_customer_page
from awbridge.app.doctor.diagnosis import PROBLEM, CheckContext, Diagnosis
from awbridge.app.doctor.hosts import check_hosts
from awbridge.app.doctor.installation import check_database, check_disk, check_parts, check_settings, check_steps
from awbridge.app.doctor.notify import check_attention, check_messages
from awbridge.app.doctor.people import check_people
from awbridge.app.doctor.polling import check_coverage, check_polling
from awbridge.app.doctor.postgres import check_citus, check_durability, check_months, check_pooler, check_replica
from awbridge.app.doctor.storage import check_backup, check_folders
from awbridge.app.doctor.vendor import check_accounts, check_clock
from awbridge.app.doctor.webhook import check_header, check_webhook
from awbridge.app.settings import Settings
from awbridge.app.settings.spelling import unknown_variables
from awbridge.domain.errors import AwbridgeError, MissingPart, SchemaTooNew, SettingsError, StoreError
from awbridge.steps.runtime.clock import Clock, utc_now

Check = Callable[[CheckContext], Coroutine[Any, Any, list[Diagnosis]]]


async def examine(
    settings: Settings,
    *,
    url: str = "",
    clock: Clock = utc_now,
    environment: Mapping[str, str] = os.environ,
    unknown: Iterable[str] | None = None,
) -> list[Diagnosis]:
    """Run every check in order. `url` is the public URL of the webhook, by default the one registered last.

    `unknown`: sentences about names that look like settings and are none, by default those of the environment.

    Checks that depend on a failed one are left out.
    """
    findings = check_settings(settings, unknown_variables(environment) if unknown is None else unknown)
    findings.append(check_disk(settings))
    findings += check_folders(settings)
    findings += check_parts(settings)
    if any(f.level == PROBLEM and f.check == "settings" for f in findings):
        return findings
    try:
        async with open_store(settings, migrate=False, create=False) as store, vendor(settings) as clickpost:
            context = CheckContext(settings=settings, store=store, clickpost=clickpost, clock=clock, url=url)
            findings += [finding async for finding in _checks(context)]
    except SettingsError as error:
        findings.append(Diagnosis("database", PROBLEM, str(error), "run awbridge migrate"))
    except SchemaTooNew as error:
        findings.append(Diagnosis("database", PROBLEM, str(error), "install that version"))
    except StoreError as error:
        do = "start the database, and check AWBRIDGE_DATABASE_URL"
        findings.append(Diagnosis("database", PROBLEM, str(error), do))
    return findings


async def _checks(context: CheckContext) -> AsyncIterator[Diagnosis]:
    for check in _CHECKS:
        try:
            findings = await check(context)
        except MissingPart:  # check_parts tells
            continue
        except AwbridgeError as error:
            name = check.__name__.removeprefix("check_")
            findings = [Diagnosis(name, PROBLEM, str(error), "correct this, then run awbridge doctor again")]
        for finding in findings:
            yield finding


_CHECKS: tuple[Check, ...] = (
    *(
        check_database,
        check_pooler,
        check_durability,
        check_replica,
        check_months,
        check_citus,
        check_backup,
        check_accounts,
        check_clock,
        check_hosts,
        check_webhook,
        check_header,
        check_coverage,
    ),
    *(check_polling, check_steps, check_archive, check_messages, check_customer_page, check_people),
    *(check_attention, check_beside),
)
