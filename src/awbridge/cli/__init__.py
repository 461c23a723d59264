"""The commands. Each has an example in its help, `--json` where it prints data, exit code 0 only on success."""

from __future__ import annotations

import os
from pathlib import Path

import click

import awbridge
from awbridge.cli.group import Group, Lazy

# What `awbridge --help` shows. The modules are imported when a command is called.
_COMMANDS = (
    Lazy(
        "actions",
        "orders.actions_group:actions_group",
        "Requests to ClickPost: edits, labels, pickups, NDR, registrations.",
    ),
    Lazy("after-restore", "backup:after_restore", "Correct a restored database, and say what is left to do."),
    Lazy("alarms", "notify.alarms:alarms_group", "Alarms to operators."),
    Lazy("answers", "customer_answers:answers_group", "Customers' answers: what they want after a failed delivery."),
    Lazy("archive", "audit:archive_group", "The archive of failed calls in object storage."),
    Lazy("backup", "backup:backup_group", "Back up the SQLite database while the service runs."),
    Lazy(
        "capacity",
        "capacity:capacity",
        "Estimate what a volume of parcels takes: rows, bytes, calls to ClickPost, cores, and the stage of growth.",
    ),
    Lazy("catch-up", "polling:catch_up", "Fetch what webhooks missed."),
    Lazy("config", "config:config_group", "The settings: what each is, and where it was set."),
    Lazy(
        "couriers",
        "couriers.mapping:couriers_group",
        "The mapping of your transporters to ClickPost's courier accounts.",
    ),
    Lazy(
        "demo", "rehearsal.demo:demo", "Run the bridge against a simulated ClickPost with faults, and check the result."
    ),
    Lazy(
        "doctor",
        "doctor.examine:doctor",
        "Check the installation, ClickPost and webhooks, and list what needs a person.",
    ),
    Lazy("drill", "rehearsal.drill:drill", "Let parts fail under load, and compare the ledgers."),
    Lazy(
        "endpoints",
        "notify.endpoints:endpoints_group",
        "Webhook subscribers: systems that receive events as signed webhooks.",
    ),
    Lazy("erase", "privacy:erase", "Erase one person's data from every table, the archive and the reports."),
    Lazy("evidence", "audit:evidence", "Put everything about a shipment into a zip: payload, calls, timeline."),
    Lazy("keys", "people:keys_group", "API keys of programs, each with a role."),
    Lazy("labels", "handover:labels_group", "Labels as PDFs: print those of many shipments at once."),
    Lazy("links", "customer_page:links_group", "Links to the customer's page: show, check and revoke them."),
    Lazy("manifests", "handover:manifests_group", "Hand-over manifests: what a courier signs when it takes parcels."),
    Lazy("migrate", "service:migrate", "Bring the database's schema up to date."),
    Lazy("notices", "notify.notices:notices_group", "Messages to customers: what was sent, what was not, and why."),
    Lazy("opt-outs", "notify.alarms:opt_outs_group", "Addresses that receive no messages."),
    Lazy("people", "people:people_group", "Who may sign in to the pages."),
    Lazy("pickups", "orders.actions:pickups_group", "Schedule pickups."),
    Lazy("reconcile", "reconciliation:reconcile", "Compare our shipments with ClickPost's, by day or from a file."),
    Lazy("replay", "tracking:replay", "Retry dead letters, replay a report of failed webhooks, or rebuild timelines."),
    Lazy("report", "audit:report_group", "Make reports by hand."),
    Lazy("restore", "backup:restore", "Restore the SQLite database from a backup."),
    Lazy("sandbox", "rehearsal.demo:sandbox", "Serve a simulated ClickPost."),
    Lazy("schedules", "audit:show_schedules", "Show the scheduled jobs: when each is due next, and its last results."),
    Lazy("serve", "service:serve", "Run the service: API, webhook endpoint and all steps in one process."),
    Lazy("shipments", "orders.shipments_group:shipments_group", "Import, inspect, retry and cancel shipments."),
    Lazy("waybills", "orders.actions:waybills_group", "Waybills that were booked elsewhere."),
    Lazy("webhook", "polling:webhook_group", "Register the webhook endpoint at ClickPost and test it."),
    Lazy("work", "service:work", "Run the steps only, as another worker on the same database."),
)


@click.group(cls=Group, commands=_COMMANDS)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File of settings, given before the command. [default: AWBRIDGE_CONFIG, awbridge.toml]",
)
@click.version_option(awbridge.__version__, prog_name="awbridge")
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """The finished ClickPost integration.

    Settings come from AWBRIDGE_* variables and awbridge.toml. Start with: awbridge demo
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        context.color = False
