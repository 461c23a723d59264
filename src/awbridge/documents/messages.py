"""What the worker process is asked, and what it answers: a line of JSON, then the contents that it announces."""

from __future__ import annotations

import msgspec

from awbridge.domain.handover.labels import Layout
from awbridge.domain.handover.manifests import PrintedManifest


class LabelsRequest(msgspec.Struct, tag="labels"):
    """Merge labels. Their contents follow, of these sizes in bytes."""

    layout: Layout
    sizes: list[int]


class ManifestRequest(msgspec.Struct, tag="manifest"):
    """Draw a manifest."""

    manifest: PrintedManifest


class LabelResult(msgspec.Struct, frozen=True):
    """What became of one label: its pages on the sheets, why it is not there, or what to check on paper."""

    pages: int = 0
    problem: str = ""
    warning: str = ""


class Answer(msgspec.Struct):
    """The PDF follows, of this size in bytes. `labels`: what became of each label, in their order."""

    size: int
    labels: list[LabelResult] = []


Request = LabelsRequest | ManifestRequest
