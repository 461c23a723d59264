"""PDFs are made in a process of their own, which is ended when it takes too long."""

from __future__ import annotations

import pytest

from awbridge.documents import making
from awbridge.documents.making import DocumentMaker
from awbridge.domain.errors import DocumentError
from awbridge.domain.handover.labels import Layout
from tests.support.labels import a_label, codes_on

pytestmark = pytest.mark.heavy


async def test_labels_are_merged_in_a_process_of_their_own() -> None:
    merged = await DocumentMaker().labels([a_label("AWB1"), b"no PDF"], Layout.LABEL)
    assert codes_on(merged.pdf) == [["AWB1"]]
    assert [result.pages for result in merged.labels] == [1, 0]


async def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(DocumentError, match=r"not made within 0\.01 s"):
        await DocumentMaker(seconds=0.01).labels([a_label("AWB1")], Layout.LABEL)


async def test_labels_that_are_too_large_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MOST_BYTES", 100)
    with pytest.raises(DocumentError, match="print fewer at once"):
        await DocumentMaker().labels([a_label("AWB1")], Layout.LABEL)


async def test_a_missing_library_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "_NEEDED", ("no_such_library",))
    with pytest.raises(DocumentError, match=r"pip install 'awbridge\[labels\]'"):
        await DocumentMaker().labels([a_label("AWB1")], Layout.LABEL)
