"""Every command, program and configuration of the pages works as it stands, in the order of the page."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Marker, Page, documents, read_page
from tests.docs.run import PageRun, check_reason, rule_of, unused_files
from tests.docs.stage import Stage
from tests.support.absent import absent
from tests.support.postgres import find_binaries

pytestmark = pytest.mark.heavy

DOCUMENTS = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in documents()]


# Programs of the system that pages call; tests/support/install_system.sh installs them.
PROGRAMS = ("curl", "jq", "nginx", "haproxy", "systemd-analyze", "openssl", "psql", "postgres -C")


def lacking(page: Page) -> list[str]:
    """The programs that the page calls and this machine lacks."""
    texts = [block.text + " ".join(marker.text for marker in block.markers) for block in page.blocks]
    texts += [item.text for item in page.items if isinstance(item, Marker)]
    called = [program for program in PROGRAMS if any(re.search(rf"\b{program}\b", text) for text in texts)]
    found = f"{os.environ['PATH']}:/usr/sbin:/sbin:{find_binaries() or ''}"
    return [program for program in called if not shutil.which(program.split()[0], path=found)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if sys.platform != "linux":
        absent("the pages are run on Linux: they call GNU date and sed")
    if not shutil.which("curl"):
        absent("curl is not installed (apt-get install curl)")
    made = Stage(tmp_path_factory.mktemp("stage"))
    yield made
    made.close()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_block_has_a_rule(path: Path) -> None:
    page = read_page(path)
    for block in page.blocks:
        rule_of(block)
        check_reason(block)
    assert not unused_files(page)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("path", [param for param in DOCUMENTS if "```" in param.values[0].read_text("utf-8")])
def test_every_block_works_as_it_stands(
    path: Path, stage: Stage, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = read_page(path)
    if missing := lacking(page):
        absent(f"the page needs {', '.join(missing)}, which tests/support/install_system.sh installs")
    folder = tmp_path / "reader"
    folder.mkdir()
    postgres = request.getfixturevalue("postgres") if "postgres" in page.stage else None
    with stage.of(page, folder, postgres) as shell:
        PageRun(page, shell, folder).run()
