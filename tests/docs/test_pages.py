"""Every command, program and configuration of the pages works as it stands, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, documents, read_page
from tests.docs.run import PageRun, rule_of, unused_files
from tests.docs.stage import Stage

DOCUMENTS = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in documents()]


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
@pytest.mark.timeout(400)
@pytest.mark.parametrize("path", [param for param in DOCUMENTS if "```" in param.values[0].read_text("utf-8")])
def test_every_block_works_as_it_stands(
    path: Path, stage: Stage, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = read_page(path)
    folder = tmp_path / "reader"
    folder.mkdir()
    postgres = request.getfixturevalue("postgres") if "postgres" in page.stage else None
    with stage.of(page, folder, postgres) as shell:
        PageRun(page, shell, folder).run()
