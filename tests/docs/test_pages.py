"""Every command, program and configuration of the pages works as it stands, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, documents, read_page
from tests.docs.run import PageRun, rule_of, unused_files
from tests.docs.stage import Stage

# Pages whose blocks are not all marked yet. A page that passes is taken off.
NOT_YET: set[str] = {
    "README.md",
    "docs/explanation/performance.md",
    "docs/how-to/deploy/backup.md",
    "docs/how-to/deploy/deploy.md",
    "docs/how-to/deploy/receiving-elsewhere.md",
    "docs/how-to/deploy/webhooks.md",
    "docs/how-to/operate/customer-page.md",
    "docs/how-to/operate/evidence.md",
    "docs/how-to/operate/notices.md",
    "docs/how-to/operate/operations.md",
    "docs/how-to/operate/outgoing-webhooks.md",
    "docs/how-to/operate/pages.md",
    "docs/how-to/operate/people.md",
    "docs/how-to/operate/privacy.md",
    "docs/how-to/operate/reconciliation.md",
    "docs/how-to/operate/sandbox.md",
    "docs/how-to/orders/correcting-payloads.md",
    "docs/how-to/orders/enqueue.md",
    "docs/how-to/orders/import.md",
    "docs/how-to/orders/labels.md",
    "docs/reference/commands.md",
    "docs/reference/errors.md",
    "docs/reference/guide.md",
    "docs/reference/settings.md",
    "docs/runbooks/account.md",
    "docs/runbooks/actions.md",
    "docs/runbooks/endpoint.md",
    "docs/runbooks/not_cancelled.md",
    "docs/runbooks/pieces.md",
    "docs/runbooks/reconcile_differences.md",
    "docs/runbooks/refused.md",
    "docs/runbooks/rejected.md",
    "docs/runbooks/replacements_waiting.md",
    "docs/runbooks/webhooks_silent.md",
}

DOCUMENTS = [
    pytest.param(path, id=str(path.relative_to(ROOT)))
    for path in documents()
    if str(path.relative_to(ROOT)) not in NOT_YET
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("stage"))
    yield made
    made.close()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_block_has_a_rule(path: Path) -> None:
    page = read_page(path)
    for block in page.blocks:
        rule_of(block)
    assert not unused_files(page)


@pytest.mark.slow
@pytest.mark.parametrize("path", [param for param in DOCUMENTS if "```" in param.values[0].read_text("utf-8")])
def test_every_block_works_as_it_stands(path: Path, stage: Stage, tmp_path: Path) -> None:
    page = read_page(path)
    folder = tmp_path / "reader"
    folder.mkdir()
    with stage.of(page, folder) as shell:
        PageRun(page, shell, folder).run()
