"""What the parameters of the API mean, for /openapi.json: the same name means the same in every operation."""

from __future__ import annotations

from fastapi import FastAPI

from awbridge.domain.json import JsonObject

_TEXTS = {
    "reference_number": "The reference number of the shipment.",
    "action_id": "The id of the action.",
    "answer_id": "The id of the customer's answer.",
    "report_id": "The id of the report.",
    "reconciliation_id": "The id of the reconciliation.",
    "difference_id": "The id of the difference.",
    "endpoint_id": "The id of the webhook subscriber.",
    "print_id": "The id of the print run.",
    "key_id": "The id of the API key.",
    "transporter": "Your name of the courier account.",
    "limit": "The size of a page.",
    "cursor": "The `next` of the page before; the first page without it.",
}
# Names that mean something else in another operation.
_OF_PATHS = {
    ("/v1/downtimes/{number}", "number"): "The number of the downtime.",
    ("/v1/manifests/{number}", "number"): "The number of the manifest.",
    ("/v1/manifests/{number}/pdf", "number"): "The number of the manifest.",
    ("/v1/schedules", "last"): "How many runs of each job are shown.",
    ("/v1/audit", "actor"): "Only what this person, key or user did.",
    ("/v1/audit", "action"): "Only this action.",
    ("/v1/audit", "subject"): "Only what was done to this, such as a reference number.",
    ("/v1/reconciliations/{reconciliation_id}/differences", "kind"): "Only differences of this kind.",
}


def complete(app: FastAPI) -> None:
    """Describe the parameters that the routes leave without a description."""
    derived = app.openapi

    def openapi() -> JsonObject:
        described = derived()
        for path, operations in described["paths"].items():
            for operation in operations.values():
                for parameter in operation.get("parameters", ()):
                    text = _OF_PATHS.get((path, parameter["name"])) or _TEXTS.get(parameter["name"])
                    if text and not parameter.get("description"):
                        parameter["description"] = text
        return described

    app.openapi = openapi
