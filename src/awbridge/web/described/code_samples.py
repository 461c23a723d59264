"""Samples of code in /openapi.json (`x-codeSamples`): complete programs, which the tests run as they stand."""

from __future__ import annotations

from importlib import resources

from awbridge.domain.json import JsonObject

OPERATIONS = {
    "create_shipments": ("/v1/shipments", "post"),
    "show_shipment": ("/v1/shipments/{reference_number}", "get"),
    "download_label": ("/v1/shipments/{reference_number}/label", "get"),
    "cancel_shipment": ("/v1/shipments/{reference_number}/cancel", "post"),
}
LANGUAGES = {
    "curl.txt": ("Shell", "curl"),
    "python.txt": ("Python", "Python (httpx2)"),
    "javascript.txt": ("JavaScript", "JavaScript (fetch)"),
    "php.txt": ("PHP", "PHP"),
}
TEXT = (
    "Samples take the address of awbridge (http://127.0.0.1:8000) from the environment variable `BRIDGE_URL`, and your "
    "API key from `BRIDGE_KEY`."
)


def code_samples(operation: str) -> list[JsonObject]:
    """The samples of an operation of OPERATIONS, in the form of `x-codeSamples`."""
    folder = resources.files("awbridge.web.described") / "samples" / operation
    return [
        {"lang": language, "label": label, "source": (folder / name).read_text(encoding="utf-8")}
        for name, (language, label) in LANGUAGES.items()
        if (folder / name).is_file()
    ]


def add_samples(described: JsonObject) -> None:
    """Add the samples to the description of the API."""
    for name, (path, method) in OPERATIONS.items():
        described["paths"][path][method]["x-codeSamples"] = code_samples(name)
    described["info"]["description"] = TEXT
