"""Every kind of problem response of the API: its status, its title, and when it is given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of error. `title` names it in the response; `when` says what causes it, in Markdown."""

    status: int
    title: str
    when: str = ""


NOT_HTTP = ProblemKind(
    400,
    "Not HTTP/1.1",
    "The input is not an HTTP request, or more than 64 requests were sent ahead of their responses. The connection is "
    "closed.",
)
NOT_AUTHORISED = ProblemKind(401, "Not authorised", "No API key, or a wrong one.")
LOOPBACK_ONLY = ProblemKind(
    403, "Only loopback may call", "No API key is configured, and the caller is on another machine."
)
UNKNOWN_HOST = ProblemKind(
    403,
    "Unknown host name",
    "No API key is configured, and the header `Host` names neither this machine (`localhost`, `127.0.0.1`) nor the "
    "name in `AWBRIDGE_HOST`: use one of these, or set `AWBRIDGE_API_KEYS`.",
)
ANOTHER_SITE = ProblemKind(
    403,
    "Another site sent this",
    "No API key is configured, and a browser on this machine called for another site's page.",
)
BEYOND_ROLE = ProblemKind(
    403, "Not allowed for this role", "The [role](docs/how-to/operate/people.md) of the API key does not cover this."
)
ACCOUNT_SUSPENDED = ProblemKind(
    403,
    "The account is suspended",
    "A path below `/a/{account}/` of a suspended [account](docs/how-to/deploy/accounts.md). Its webhooks are still "
    "stored.",
)
NOT_FOUND = ProblemKind(404, "Not found", "No such shipment, action, transporter or other object.")
TOO_SLOW = ProblemKind(408, "The request was too slow", "The head or the body arrived too slowly.")
REFERENCE_TAKEN = ProblemKind(
    409, "The reference number is taken", "It is in use with another payload; `differences` names the fields."
)
REFERENCES_TAKEN = ProblemKind(409, "Reference numbers are taken", "The same, in a batch without other errors.")
KEY_TAKEN = ProblemKind(409, "The idempotency key is taken", "It was used with a different request.")
NOT_POSSIBLE = ProblemKind(
    409,
    "Not possible in this state",
    "A retry, change, replacement or action that the state of a shipment or action does not allow; `detail` names the "
    "state and what to do instead. Also the removal of a transporter that others name.",
)
URL_TOO_LONG = ProblemKind(414, "The URL is too long", "The request target has more than 8 KiB.")
WOULD_BE_REFUSED = ProblemKind(
    422, "ClickPost would refuse this", "Invalid fields in one order or action; `errors` names them."
)
ORDERS_REFUSED = ProblemKind(422, "Orders were refused", "Invalid orders in a batch; `errors` names them.")
NOT_VALID = ProblemKind(
    422,
    "The request is not valid",
    "An invalid query parameter or body of another endpoint; a cycle of fallbacks, an invalid rule.",
)
WRONG_KEYS = ProblemKind(
    429,
    "Too many wrong keys",
    "Wrong API keys came from this address; Retry-After says when the next one is checked.",
)
HEADERS_TOO_LARGE = ProblemKind(431, "The headers are too large", "More than 100 header lines, or 32 KiB.")
INTERNAL = ProblemKind(500, "Internal error", "The database refused a request, or an unexpected error; see the log.")
VENDOR_FAILED = ProblemKind(
    502, "ClickPost failed", "A direct call to ClickPost (`/v1/couriers/sync`) failed or was refused."
)
STORE_BUSY = ProblemKind(503, "The database is busy", "Locked, away or full; with Retry-After.")
NO_STORAGE = ProblemKind(
    503, "The object storage is unavailable", "The file of a report cannot be read there; with Retry-After."
)
NO_DOCUMENT = ProblemKind(
    503, "The PDF could not be made", "Labels or a manifest could not be put on a PDF; with Retry-After."
)
NO_CONNECTION = ProblemKind(503, "Too many connections", "All connections are in use; with Retry-After.")
NOT_SET_UP = ProblemKind(
    503, "Set-up is not finished", "ClickPost's account is not set: only the pages and webhooks are served."
)
STOPPING = ProblemKind(503, "This process is stopping", "Of `/readyz`, from SIGTERM on.")
SCHEMA_TOO_NEW = ProblemKind(
    503, "The schema is too new", "Of `/readyz`: a newer version has migrated the database; `detail` names it."
)
SCHEMA_TOO_OLD = ProblemKind(
    503, "The schema is too old", "Of `/readyz`: `detail` names the missing migrations; run `awbridge migrate`."
)
STORE_NOT_READY = ProblemKind(503, "The database is not ready", "Of `/readyz`: it accepts no writes.")

PROBLEMS = (
    *(NOT_HTTP, NOT_AUTHORISED, LOOPBACK_ONLY, UNKNOWN_HOST, ANOTHER_SITE, BEYOND_ROLE, ACCOUNT_SUSPENDED, NOT_FOUND),
    *(TOO_SLOW, REFERENCE_TAKEN, REFERENCES_TAKEN, KEY_TAKEN, NOT_POSSIBLE, URL_TOO_LONG, WOULD_BE_REFUSED),
    *(ORDERS_REFUSED, NOT_VALID, WRONG_KEYS, HEADERS_TOO_LARGE, INTERNAL, VENDOR_FAILED, STORE_BUSY, NO_STORAGE),
    *(NO_DOCUMENT, NO_CONNECTION, NOT_SET_UP, STOPPING, SCHEMA_TOO_NEW, SCHEMA_TOO_OLD, STORE_NOT_READY),
)
