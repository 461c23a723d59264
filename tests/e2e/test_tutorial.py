"""The tutorial's reader meets what its page says: the same steps in a browser, from an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.screenshots import LARGEST, PICTURES, SIZE, Walk, read_tutorial, settings_for, walk, write_files

from tests.support.browser import chromium
from tests.support.ports import free_port
from tests.support.processes import running


def test_every_picture_is_there_and_small() -> None:
    tutorial = read_tutorial()
    assert {picture.stem for picture in PICTURES.glob("*.png")} == tutorial.pictures
    assert max(picture.stat().st_size for picture in PICTURES.glob("*.png")) < LARGEST


@pytest.mark.slow
async def test_the_walk_of_the_tutorial(tmp_path: Path) -> None:
    tutorial = read_tutorial()
    write_files(tutorial, tmp_path)
    port, sandbox_port = free_port(), free_port()
    arguments = [*tutorial.sandbox, "--port", str(sandbox_port)]
    service_url = f"http://127.0.0.1:{port}"
    with running(arguments, {}, tmp_path, sandbox_port) as sandbox:
        settings = settings_for(tutorial, service_url, sandbox.url)
        with running(tutorial.serve, settings, tmp_path, port) as service:
            async with chromium() as browser:
                page = await browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
                reader = Walk(page, service.url, sandbox.url, tmp_path, tutorial)
                await walk(reader)
    # What the page tells its reader to press is what was pressed, and its pictures are those of the walk.
    assert not tutorial.bold - reader.seen
    assert reader.taken == tutorial.pictures
    assert (tmp_path / "labels.pdf").read_bytes().startswith(b"%PDF")
