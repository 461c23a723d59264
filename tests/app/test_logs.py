"""Logs contain events, never a customer's data or a key."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator

import pydantic
import pytest
import structlog

from awbridge.app.logs import log_all, set_up_logs


def fail_with(secret: str) -> None:
    """Fail while a local variable holds a secret."""
    kept = {"phone": secret}
    if kept:
        raise ValueError("something went wrong")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_traceback_shows_where_but_no_local_variable(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    set_up_logs(level="info", as_json=as_json)
    try:
        fail_with("".join(["98", "7654", "3210"]))
    except ValueError as error:
        structlog.get_logger().error("step.failed", step="push", exc_info=error)
    output = capsys.readouterr().err
    assert "step.failed" in output
    assert "something went wrong" in output
    assert "fail_with" in output
    assert "9876543210" not in output


def test_json_logs_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(level="info", as_json=True)
    log = structlog.get_logger()
    log.info("shipment.placed", reference="R1")
    log.debug("shipment.waiting", reference="R2")
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["shipment.placed"]
    assert json.loads(lines[0])["reference"] == "R1"


class Model(pydantic.BaseModel):
    number: int


@pytest.mark.parametrize("as_json", [False, True])
def test_external_texts_are_logged_without_addresses_and_quoted_values(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    set_up_logs(level="info", as_json=as_json)
    log, person = structlog.get_logger(), "".join(["As", "ha", " Rao"])
    log.warning("x.failed", problem="call 9876543210 or asha@mail.example", waybill="9876543211")
    try:
        Model(number=person)  # pyright: ignore
    except ValueError as error:
        log.error("step.failed", exc_info=error)
    try:
        raise ValueError(f"a row failed\nDETAIL:  Failing row contains (R-1, {person}, Pune).")
    except ValueError as error:
        log.error("step.failed", exc_info=error)
    output = capsys.readouterr().err
    assert "9876543210" not in output
    assert "asha@" not in output
    assert "Asha" not in output
    assert "9876543211" in output, "a waybill is not a phone number"
    assert "int_parsing" in output
    assert "a row failed" in output


def test_library_logs_are_events_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(level="info", as_json=True)
    set_up_logs(level="info", as_json=True)
    phone = "".join(["98", "7654", "3210"])
    try:
        fail_with(phone)
    except ValueError:
        logging.getLogger("asyncpg").exception("the pool is empty for +91%s", phone)
        logging.getLogger("asyncio").exception("a task failed")
    logging.getLogger("uvicorn.error").info("started")
    pool, task = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (pool["event"], pool["library"], pool["level"]) == ("library.warned", "asyncpg", "error")
    assert "ValueError: something went wrong" in pool["problem"]
    assert phone not in pool["problem"]
    assert "exception" not in pool
    assert "fail_with" in task["exception"]


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The interpreter's hooks, as they were before, after the test."""
    for owner, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield
    logging.captureWarnings(False)


@pytest.mark.usefixtures("hooks")
@pytest.mark.filterwarnings("ignore")
def test_warnings_and_errors_that_nobody_caught_are_events(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(level="info", as_json=True)
    log_all()
    warnings.warn("an old argument", DeprecationWarning, stacklevel=1)
    try:
        fail_with("".join(["98", "7654", "3210"]))
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)

    def fails() -> None:
        raise RuntimeError("call 9876543210")

    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == [
        "library.warned",
        "process.error_not_caught",
        "process.error_not_caught",
    ]
    assert "an old argument" in lines[0]["problem"]
    assert [line.get("error") for line in lines[1:]] == ["ValueError", "RuntimeError"]
    assert "fail_with" in lines[1]["exception"]
    assert "9876543210" not in str(lines)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_log_whose_reader_has_gone_stops_no_work(monkeypatch: pytest.MonkeyPatch, as_json: bool) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        set_up_logs(level="info", as_json=as_json)
        structlog.get_logger().info("server.started")
        os.close(reader)
        for _ in range(3):
            structlog.get_logger().info("server.stopping")
            logging.getLogger("asyncpg").warning("away")
        monkeypatch.undo()
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
        with contextlib.suppress(BrokenPipeError):
            stream.close()
