"""What /openapi.json offers to callers, as it stands: the examples, the samples of code and the collection."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import async_playwright

from awbridge.web.described.code_samples import OPERATIONS
from awbridge.web.described.order_bodies import order_example
from tests.support import newman
from tests.support.absent import absent
from tests.support.browser import chromium_path
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running

pytestmark = pytest.mark.slow

KEY = "a-key-of-the-tests"
COLLECTION = Path(__file__).parents[2] / "docs" / "reference" / "awbridge.postman_collection.json"
PROGRAMS = {
    "Shell": ("bash", "-e"),
    "Python": (sys.executable,),
    "JavaScript": (str(newman.NODE), "--input-type=module", "-"),
    "PHP": ("php",),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("described")


@pytest.fixture(scope="module")
def bridge(folder: Path) -> Iterator[Running]:
    """The service with a key and the couriers of the sandbox."""
    port, at = free_port(), free_port()
    with running(["sandbox", "--port", str(at)], {}, folder, at) as sandbox:
        env = bridge_environment(f"sqlite:///{folder}/awbridge.db", sandbox.url, port)
        env |= {"AWBRIDGE_API_KEYS": KEY}
        with running(["serve", "--port", str(port)], env, folder, port) as served:
            assert call(served, "POST", "/v1/couriers/sync?apply=true").status_code == 200
            yield served


def call(bridge: Running, method: str, path: str, **more: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {KEY}"}
    return httpx2.request(method, bridge.url + path, headers=headers, timeout=30, verify=False, **more)


def until_placed(bridge: Running, reference: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        shipment = call(bridge, "GET", f"/v1/shipments/{reference}").json()
        if shipment["state"] == "placed":
            return shipment
        time.sleep(0.1)
    raise AssertionError(shipment)


def started(bridge: Running, folder: Path, sample: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A sample, run as a reader would, with its two variables."""
    program = PROGRAMS[sample["lang"]]
    if shutil.which(program[0]) is None:
        absent(f"{program[0]} is not installed (make system)")
    env = {"PATH": os.environ["PATH"], "BRIDGE_URL": bridge.url, "BRIDGE_KEY": KEY}
    return subprocess.run(
        program, input=sample["source"], env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def run_sample(bridge: Running, folder: Path, sample: dict[str, str]) -> str:
    """What a sample prints. It must succeed."""
    done = started(bridge, folder, sample)
    assert done.returncode == 0, f"{sample['label']}: {done.stderr}"
    return done.stdout


def samples(bridge: Running, operation: str) -> list[dict[str, str]]:
    path, method = OPERATIONS[operation]
    return httpx2.get(f"{bridge.url}/openapi.json", timeout=30).json()["paths"][path][method]["x-codeSamples"]


def test_both_examples_are_placed_and_every_sample_runs(bridge: Running, folder: Path) -> None:
    body = httpx2.get(f"{bridge.url}/openapi.json", timeout=30).json()["paths"]["/v1/shipments"]["post"]["requestBody"]
    examples = {name: found["value"] for name, found in body["content"]["application/json"]["examples"].items()}
    assert examples == {name: order_example(name) for name in ("india_cod", "uae_cross_border")}
    (folder / "order.json").write_text(json.dumps(examples["india_cod"]), encoding="utf-8")

    created = [run_sample(bridge, folder, sample) for sample in samples(bridge, "create_shipments")]
    assert len(created) == len(PROGRAMS)
    assert all("ORDER-2001" in printed for printed in created)
    assert call(bridge, "POST", "/v1/shipments", json=examples["uae_cross_border"]).status_code == 202
    placed = [until_placed(bridge, reference) for reference in ("ORDER-2001", "ORDER-3001")]
    assert [(one["courier_partner_id"], bool(one["waybill"]), one["warnings"]) for one in placed] == [
        (4, True, []),
        (2, True, []),
    ]

    shown = [run_sample(bridge, folder, sample) for sample in samples(bridge, "show_shipment")]
    assert len(shown) == len(PROGRAMS)
    assert all("placed" in printed and placed[0]["waybill"] in printed for printed in shown)
    for sample in samples(bridge, "download_label"):
        run_sample(bridge, folder, sample)
        assert (folder / "ORDER-2001.pdf").read_bytes().startswith(b"%PDF")
        (folder / "ORDER-2001.pdf").unlink()
    for sample in samples(bridge, "cancel_shipment"):
        run_sample(bridge, folder, sample)
    cancelled = call(bridge, "GET", "/v1/shipments/ORDER-2001").json()
    assert cancelled["cancel_requested_at"] or cancelled["state"] == "cancelled"


def test_a_sample_says_which_field_is_wrong(bridge: Running, folder: Path) -> None:
    order = order_example("india_cod")
    order["shipment_details"] |= {"weight": 0, "reference_number": "ORDER-2002"}
    (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
    for sample in samples(bridge, "create_shipments"):
        done = started(bridge, folder, sample)
        assert done.returncode != 0, sample["label"]
        assert "shipment_details.weight must be" in done.stderr or '"shipment_details.weight"' in done.stdout


async def test_the_pages_of_the_api_load_nothing_from_other_hosts(bridge: Running) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        for path, shown in (("/docs", "#operations-shipments-create_shipments_v1_shipments_post"), ("/redoc", "h2")):
            page, loaded, blocked = await browser.new_page(), list[str](), list[tuple[str, str | None]]()
            page.on("requestfinished", lambda request, into=loaded: into.append(request.url))
            page.on("requestfailed", lambda request, into=blocked: into.append((request.url, request.failure)))
            await page.goto(bridge.url + path)
            await page.wait_for_selector(shown, timeout=60_000)
            await page.wait_for_load_state("networkidle")
            assert any(url.endswith("/openapi.json") for url in loaded)
            assert [url for url in loaded if not url.startswith((bridge.url, f"blob:{bridge.url}"))] == []
            assert [(url, why) for url, why in blocked if why != "csp"] == []
            policy = httpx2.get(bridge.url + path, timeout=30).headers["content-security-policy"]
            assert policy.startswith("default-src 'self';")
        await browser.close()


def test_the_collection_runs(bridge: Running, folder: Path) -> None:
    if not newman.SCRIPT.exists():
        absent("newman is not installed (make newman)")
    given = {"url": bridge.url, "key": KEY, "reference_number": "ORDER-2003"}
    variables = [part for name, value in given.items() for part in ("--env-var", f"{name}={value}")]
    report = folder / "newman.json"
    command = [str(newman.NODE), str(newman.SCRIPT), "run", str(COLLECTION), *variables]
    command += ["--reporters", "json,cli", "--reporter-json-export", str(report), "--timeout-request", "20000"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    run = json.loads(report.read_text(encoding="utf-8"))["run"]
    assert run["stats"]["requests"]["total"] > 90
    assert not run["failures"]
    assert run["stats"]["assertions"]["total"] == run["stats"]["requests"]["total"]
