"""What each event of the log means. The levels and the fields come from the code that logs it."""

from __future__ import annotations

from collections.abc import Mapping

# Events whose name or level the code decides when it runs: their level, and their fields.
DECIDED_LATER: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "command.failed": ("error", ("problem",)),
    "command.stopped": ("error", ("problem",)),
    "command.warned": ("warning", ("problem",)),
    "erasure.delayed": ("info", ("erasure",)),
    "erasure.done": ("info", ("erasure",)),
    "library.warned": ("warning, error", ("library", "problem")),
    "process.error_not_caught": ("error", ("error",)),
    "shipment.misconfigured": ("warning", ("reference", "tries")),
    "shipment.rejected": ("warning", ("reference", "tries")),
    "shipment.try_later": ("warning", ("reference", "tries")),
    "shipment.unknown": ("warning", ("reference", "tries")),
    "stamina.retry_scheduled": ("warning", ("caused_by", "wait_for")),
}

MEANINGS: Mapping[str, str] = {
    "account.held": "A courier account fails (`account`: key, credentials; `breaker`: too many failures); its "
    "shipments are held.",
    "account.recovered": "A probe of a held courier account succeeded; its shipments resume.",
    "account.reset": "A person ended the incident of an account.",
    "action.abandoned": "This many `pickups` became unclear: the worker that made them is gone.",
    "action.done": "An action was made at ClickPost.",
    "action.ended_by_tracking": "The courier came, continued or finished: `status` is the shipment's status.",
    "action.escalated": "An action needs a person: `state` is `refused`, `gave_up` or `unclear`.",
    "action.failed": "An action met an internal error, with the traceback; it counts as a failed attempt.",
    "action.settled": "A person recorded whether ClickPost has it: `held`, `by`.",
    "action.try_later": "An action met a transient failure, or its account is at fault; retried.",
    "action.waiting": "The shipment of an action has no waybill yet.",
    "alarm.not_sent": "An alarm channel failed; retried.",
    "answer.confirmed": "Somebody confirmed a customer's answer.",
    "answer.dismissed": "Somebody decided against a customer's answer.",
    "answer.followed": "An answer ended with its instruction, or because the courier continued.",
    "answer.received": "A customer answered on the page of a parcel: `kind`, `state` (sent: by a rule).",
    "api.failed": "A request met an unexpected error; the caller got a 500.",
    "apply.batch_failed": "A batch failed; its deliveries are applied one by one.",
    "archive.not_uploaded": "A file could not be written to the local disk or uploaded; retried at `again_at`, after "
    "a delay that grows to 10 minutes.",
    "archive.uploaded": "A file of failed calls is in the archive, read back and compared.",
    "backup.deleted": "An outdated backup was deleted.",
    "backup.made": "A backup is stored and verified.",
    "backup.unreadable": "The manifest of a stored backup cannot be read; it is not listed.",
    "calls.dropped": "This many failed calls could not be recorded: the queue was full, or the database refused them.",
    "calls.kept_on_disk": "Calls were answered while the database was away; they are kept in the data folder.",
    "calls.not_kept": "The disk had no space for calls that were answered while the database was away; they are "
    "lost, counted, and raise an alarm.",
    "calls.not_read": "A file of calls that were kept in the data folder is damaged; they are lost, counted, and "
    "raise an alarm.",
    "calls.not_recorded": "A process ended while the database was away, with failed calls not recorded.",
    "calls.recorded_late": "Calls that were kept in the data folder are recorded.",
    "catch_up.entries_not_read": "A page of updated-order held entries that are not shipments; `start`, `entries`.",
    "catch_up.track_failed": "Track-order failed; retried later.",
    "catch_up.window_failed": "Updated-order failed for a window; retried after a minute or more.",
    "clock.jumped": "The deciding clock was set by more than 5 s: `seconds`.",
    "clock.was_ahead": "Time went back by `seconds`; `rows` of each table that were dated ahead are corrected.",
    "command.failed": "Only with `AWBRIDGE_LOG_FORMAT=json`: what ends `serve` or `work`, also where the settings "
    "are wrong.",
    "command.stopped": "Only with `AWBRIDGE_LOG_FORMAT=json`: a signal ended `serve` or `work`.",
    "command.warned": "Only with `AWBRIDGE_LOG_FORMAT=json`: what `serve` and `work` warn of.",
    "courier.flagged": "An account in use is `inactive`, `vanished` or `renamed` at ClickPost (`kind`).",
    "courier.moved": "Shipments were moved from one transporter to another.",
    "couriers.not_compared": "The comparison with ClickPost's accounts failed; retried within 10 minutes.",
    "customer_page.failed": "A customer's page could not be made of what is stored: `error`; the customer gets 503.",
    "customer_page.not_answered": "A customer's answer could not be stored, because the database is busy: the "
    "customer is asked to try again.",
    "customer_page.not_read": "A customer's page could not be read from the database: `problem`; the customer gets "
    "503.",
    "customer_page.process_ended": "No longer do many customers wait for their pages: the second process has ended.",
    "customer_page.process_failed": "The process that makes pages for customers ended or did not answer; `problem`. "
    "Its pages are made by `serve` itself; another is started in a minute if many customers still wait.",
    "customer_page.process_not_started": "The process that makes pages for customers could not begin; `problem`. Tried "
    "again in a minute if many customers still wait.",
    "customer_page.process_started": "Many customers wait for their pages: a second process makes them.",
    "delivery.ambiguous": "A delivery could be about several shipments, or contradicts itself; `problem` says how. "
    "It waits.",
    "delivery.dead_lettered": "One delivery could not be applied and is dead-lettered.",
    "edd.unreadable": "An expected date cannot be parsed; it is shown as received (`edd_unreadable`).",
    "endpoint.disabled": "An endpoint gets no more events until it is enabled; the alarm says why.",
    "erasure.delayed": "An erasure will be checked again because shipments have not ended.",
    "erasure.done": "An erasure was carried out.",
    "erasure.not_finished": "The archive was away during an erasure; retried after 5 minutes.",
    "event.tried": "An event was posted to an endpoint.",
    "fallback.already_held": "ClickPost held the order after all; it is placed.",
    "fallback.placed_twice": "A worker whose lease had expired placed a replaced shipment; it is cancelled at "
    "ClickPost.",
    "fallback.replaced": "A shipment was replaced by one at its fallback courier; `reference`, `by`, `transporter`.",
    "http.fewer_connections": "The process may open fewer files than `AWBRIDGE_CONNECTIONS` needs: raise the hard "
    "limit; `connections` is the number that it accepts.",
    "http.refused": "Once a minute at most: what the [HTTP server's "
    "limits](docs/how-to/operate/operations.md#limits-of-the-http-server) refused since the last such line, by "
    "reason.",
    "ingest.refused_by_database": "One delivery could not be stored; 503.",
    "label.fetched": "A label was fetched: `bytes`, `piece`.",
    "label.not_fetched": "A label was not fetched: `problem`; `again` says whether it is tried again.",
    "labels.printed": "A print run: `shipments`, `problems` (those without a label), `by`.",
    "lease.lost": "Work of unknown length (a report, an erasure, a window) stopped because its lease could not be "
    "renewed: another process, or a later round, does it.",
    "library.warned": "A library that awbridge uses logged `problem`; `library`: which.",
    "mail.some_refused": "The mail server accepted a mail, but not for all its recipients; `refused` is their number.",
    "manifest.made": "A hand-over manifest: its number, `parcels`, `by`.",
    "migration.applied": "A migration was applied.",
    "monitor.started": "`work` answers health and metrics at `url`.",
    "notice.settled": "A message to a customer reached its final state.",
    "page.failed": "A page met an unexpected error; the browser got a 500.",
    "page_languages.unknown_key": "A file of your own for a language of the customer's page has a `key` that nothing "
    "reads: a typing error, or a text of another version.",
    "partitions.busy": "A partition could not be made or dropped, as its table was in use; tried again the next night.",
    "partitions.dropped": "A month of calls or events was dropped: `partition`, about how many `rows` it had.",
    "partitions.left": "The default partition already has many rows of this month, and keeps them.",
    "partitions.made": "A month of calls or events has a partition of its own.",
    "partitions.refused": "PostgreSQL refused to make or drop a partition: the role may not (`awbridge doctor` says "
    "what it lacks), or a view of yours reads it. New rows go to the default one, and old rows are deleted one by one.",
    "person.identity_refused": "A sign-in through the identity provider failed: `problem`.",
    "person.sign_in_limited": "Too many wrong passwords from an address or for a name: `seconds` to wait.",
    "person.sign_in_refused": "A wrong password, or an unknown or disabled name.",
    "person.signed_in": "A person signed in: `role`.",
    "polling.stopped": "This many `shipments` had no update for too long and are no longer polled.",
    "process.error_not_caught": "An error that nothing caught, with its traceback; it ends the process or a thread.",
    "push.slowed": "ClickPost throttled or did not answer: this process makes fewer concurrent calls (`calls`, "
    "`before`).",
    "reconcile.call_failed": "A call of a reconciliation to ClickPost failed; retried later.",
    "reconcile.counted": "A day's counts were compared; `ours`, `theirs`, `tracked`, `agree`.",
    "reconcile.done": "A reconciliation finished; `matched`, `partly`, `found` by kind.",
    "reconcile.failed": "A reconciliation ended without a result: `problem`.",
    "reconcile.file_accepted": "A file of the watched folder was accepted.",
    "reconcile.file_refused": "A file of the watched folder cannot be read.",
    "reconcile.partly_compared": "A reconciliation could not read all of ClickPost's side: `not_understood`.",
    "reconcile.report_failed": "ClickPost did not create a report of a reconciliation; another is requested.",
    "reconcile.solved": "A difference of a reconciliation closed itself: `how`.",
    "replacement.blocked": "The shipment that a replacement waits for will not be cancelled by itself; a person "
    "decides.",
    "replica.away": "The read replica does not answer: `error`. The database itself is read.",
    "replica.left": "The read replica lags by more than the limit: `age`, in seconds. The database itself is read.",
    "replica.unfit": "AWBRIDGE_DATABASE_READ_URL does not lead to a read replica of the database; it is not used.",
    "replica.used": "Pages, lists, exports and metrics are read from the read replica.",
    "restore.corrected": "The database was corrected after a restore to an older point: `point`, `until`, and rows "
    "by kind.",
    "restore.done": "A backup was put in place of the database, which is kept as `aside`.",
    "scan.in_future": "A scan's time is more than ten minutes in the future; the time of its receipt is used.",
    "schedule.completed": "A scheduled run, or a part of it, is done; `job`, `due`, `result`.",
    "schedule.failed": "A scheduled run failed; retried after a minute and more, up to an hour.",
    "account.asleep": "No step of the account had work and no request came: this process closed it.",
    "account.awake": "The account has work, or a request came: this process opened it.",
    "account.failed": "The account ended with an error; it is opened again.",
    "account.kept": "The account could not be looked at, as the database did not answer. It stays open.",
    "account.not_counted": "What the account has to do could not be counted, as its database did not answer. Pages and "
    "metrics show what was counted before.",
    "account.not_opened": "The account could not be opened: its database or its settings. It is tried again.",
    "accounts.file_needs_restart": "The file of settings has changed above the tables of accounts. These settings take "
    "effect once the service is restarted.",
    "accounts.file_not_read": "The file of settings has changed and cannot be read. The accounts stay as they were.",
    "accounts.file_read": "The file of settings has changed: the tables of accounts were read again.",
    "accounts.no_room": "As many accounts are open for their work as may be, and others have work: they wait for other "
    "processes, or until one has none. Raise AWBRIDGE_ACCOUNTS_AWAKE, or add a process.",
    "accounts.not_released": "The process ended while the database was away: others take its accounts over later.",
    "server.setting_up": "ClickPost's account is not set: only pages and webhooks are served.",
    "server.started": "`serve` is up: `url`.",
    "server.stopping": "`serve` was told to stop, and goes on serving for `drain_seconds`.",
    "shipment.allocated": "ClickPost recommended a courier.",
    "shipment.already_held": "The courier says that it already holds the order: no order is sent again or elsewhere, "
    "and a person is needed "
    "([correcting-payloads.md](docs/how-to/orders/correcting-payloads.md#settle-a-shipment-that-may-be-placed)).",
    "shipment.cancelled": "ClickPost cancelled a shipment.",
    "shipment.cancelling": "ClickPost will cancel a shipment.",
    "shipment.found": "A delivery names a shipment that was not known to be placed; it is now placed under that "
    "waybill.",
    "shipment.misconfigured": "Key, credentials or account are at fault for an order; the account is held.",
    "shipment.mismatched": "ClickPost holds something other than was requested; `difference` says what, and stays on "
    "the shipment.",
    "shipment.not_allocated": "ClickPost recommended no courier.",
    "shipment.not_cancelled": "A cancel call failed; `again`: it is retried, otherwise a person is needed.",
    "shipment.placed": "A shipment is registered: `waybill`, `already` (an earlier call had placed it), `tries`.",
    "shipment.rejected": "The payload of an order is at fault.",
    "shipment.released": "The shipment that a replacement waited for is cancelled; the replacement is pushed.",
    "shipment.settled": "A person recorded whether ClickPost holds it: `held`, `by`.",
    "shipment.try_later": "An order met a transient failure; retried.",
    "shipment.unknown": "No response came to an order; the next attempt settles it.",
    "shipment.waiting": "An asynchronous courier is processing an order.",
    "sqlite.log_not_copied": "SQLite's log could not be copied into its file; tried again once the log has grown.",
    "stamina.retry_scheduled": "The database is away or busy: the same is tried again after `wait_for` seconds; "
    "`caused_by`.",
    "step.failed": "A round failed, with the traceback; the step continues.",
    "step.paused": "The database is away; the step pauses, up to 30 s.",
    "steps.started": "`work` is up.",
    "version.superseded": "A newer version has migrated the database to a schema that this one does not support: its "
    "steps stop.",
    "waybill.reused": "A shipment got a waybill that another one has too: reused by its courier, or shared by two "
    "couriers.",
    "webhook.no_account": "Deliveries came to the address of an account that does not exist, and were answered with "
    "404; `deliveries`: how many since the last such line, at most one a second.",
    "webhook.not_stored": "Deliveries were answered with 503; `deliveries`: how many since the last such line, at "
    "most one per second.",
    "webhooks.resumed": "The first webhook after `webhooks.silent`.",
    "webhooks.silent": "No webhook for an hour while polling found scans; logged once over all processes.",
}
