"""The commands. Each has an example in its help, `--json` where it prints data, exit code 0 only on success."""

from __future__ import annotations

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
    Lazy("alarms", "notify:alarms_group", "Alarms to operators."),
    Lazy("answers", "customer_answers:answers_group", "Customers' answers: what they want after a failed delivery."),
    Lazy("archive", "audit:archive_group", "The archive of failed calls in object storage."),
    Lazy("catch-up", "polling:catch_up", "Fetch what webhooks missed."),
    Lazy("config", "config:config_group", "The settings: what each is, and where it was set."),
    Lazy(
        "couriers",
        "couriers.mapping:couriers_group",
        "The mapping of your transporters to ClickPost's courier accounts.",
    ),
    Lazy("demo", "rehearsal:demo", "Run the bridge against a simulated ClickPost with faults, and check the result."),
    Lazy("doctor", "doctor:doctor", "Check the installation, ClickPost and webhooks, and list what needs a person."),
    Lazy("drill", "rehearsal:drill", "Push orders through a simulated bad day, and compare the ledgers."),
    Lazy("endpoints", "notify:endpoints_group", "Webhook subscribers: systems that receive events as signed webhooks."),
    Lazy("erase", "privacy:erase", "Erase one person's data from every table, the archive and the reports."),
    Lazy("evidence", "audit:evidence", "Put everything about a shipment into a zip: payload, calls, timeline."),
    Lazy("keys", "people:keys_group", "API keys of programs, each with a role."),
    Lazy("labels", "handover:labels_group", "Labels as PDFs: print those of many shipments at once."),
    Lazy("links", "customer_page:links_group", "Links to the customer's page: show, check and revoke them."),
    Lazy("manifests", "handover:manifests_group", "Hand-over manifests: what a courier signs when it takes parcels."),
    Lazy("migrate", "service:migrate", "Bring the database's schema up to date."),
    Lazy("notices", "notify:notices_group", "Messages to customers: what was sent, what was not, and why."),
    Lazy("opt-outs", "notify:opt_outs_group", "Addresses that receive no messages."),
    Lazy("people", "people:people_group", "Who may sign in to the pages."),
    Lazy("pickups", "orders.actions:pickups_group", "Schedule pickups."),
    Lazy("reconcile", "reconciliation:reconcile", "Compare our shipments with ClickPost's, by day or from a file."),
    Lazy("replay", "tracking:replay", "Retry dead letters, replay a report of failed webhooks, or rebuild timelines."),
    Lazy("report", "audit:report_group", "Make reports by hand."),
    Lazy("sandbox", "rehearsal:sandbox", "Serve a simulated ClickPost."),
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
def main(config: Path | None) -> None:
    """The finished ClickPost integration.

    Settings come from AWBRIDGE_* variables and awbridge.toml. Start with: awbridge demo
    """
