"""The labels as files, as ClickPost's storage serves them: by a link, without a key."""

from typing import Final

from awbridge.sandbox.labels.label_pdf import label_pdf, shape_of
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.http import ApiCall, ApiResponse

PATH: Final = "/labels/"
_EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


def label_link(sandbox: Sandbox, waybill: str, suffix: str = "") -> str:
    """The address of a label."""
    return f"{sandbox.url}{PATH}{waybill}{suffix}.pdf"


async def download_label(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET on a label's link. A link to an unknown label is answered like an expired one, as S3 does."""
    name = call.path.removeprefix(PATH).removesuffix(".pdf")
    order = sandbox.registry.find(name) or sandbox.registry.find(name.rpartition("-")[0])
    if order is None or not order.has_label:
        return ApiResponse(403, _EXPIRED, "application/xml")
    return ApiResponse(200, label_pdf(order, shape_of(order.waybill)), "application/pdf")
