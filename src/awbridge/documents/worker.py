"""The process that makes PDFs: `python -m awbridge.documents.worker`. One request on standard input, one answer.

Labels are files of strangers. A parser that hangs or needs too much memory ends with this process and nothing else.
"""

from __future__ import annotations

import logging
import resource
import sys

import msgspec

from awbridge.documents.messages import Answer, LabelResult, LabelsRequest, Request

MEMORY = 1536 * 1024 * 1024  # bytes of address space
CPU_SECONDS = 120


def main() -> None:
    """Read a request, answer it, end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    logging.disable()  # pypdf warns about each oddity of each label
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    content, labels = _made(request)
    sys.stdout.buffer.write(msgspec.json.encode(Answer(len(content), labels)) + b"\n" + content)
    sys.stdout.buffer.flush()


def _made(request: Request) -> tuple[bytes, list[LabelResult]]:
    if isinstance(request, LabelsRequest):
        from awbridge.documents.label_sheets import merged_labels

        return merged_labels([sys.stdin.buffer.read(size) for size in request.sizes], request.layout)
    from awbridge.documents.manifest_sheet import manifest_pdf

    return manifest_pdf(request.manifest), []


if __name__ == "__main__":
    main()
