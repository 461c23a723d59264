"""Object storage that is misconfigured: no bucket, no rights, unknown options."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from awbridge.domain.errors import ObjectsError, SettingsError
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.try_archive import try_archive
from tests.support.object_service import DENIED, NO_BUCKET, NO_KEY, ObjectService, object_service

pytestmark = pytest.mark.heavy


@pytest.fixture
async def service() -> AsyncIterator[ObjectService]:
    """An object service on loopback."""
    async with object_service() as running:
        yield running


def opened(service: ObjectService, timeout: float = 10) -> Objects:
    return Objects.open("s3://evidence/calls", options=service.options, timeout=timeout)


async def test_a_missing_bucket_is_named(service: ObjectService) -> None:
    service.answers = dict.fromkeys(("PUT", "GET", "POST"), (404, NO_BUCKET))
    objects = opened(service)
    for call in (objects.put("k", b"x"), objects.get("k"), objects.delete("k")):
        with pytest.raises(ObjectsError, match="the bucket evidence does not exist; create it"):
            await call
    service.answers = {"PUT": (404, NO_KEY)}  # some services answer so for a missing bucket: a PUT needs no such key
    with pytest.raises(ObjectsError, match="the bucket evidence does not exist"):
        await objects.put("k", b"x")


async def test_a_refusal_has_the_code_of_the_service_and_nothing_else_of_its_answer(service: ObjectService) -> None:
    wrong_secret = "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>"
    for xml in ("", '<?xml version="1.0" encoding="UTF-8"?>\n'):
        service.answers = {"PUT": (403, xml + wrong_secret)}
        with pytest.raises(ObjectsError, match=r"^put: PermissionDeniedError: SignatureDoesNotMatch: ") as caught:
            await opened(service).put("k", b"x")
        assert not re.search("xml|AKIA", str(caught.value)), caught.value


async def test_a_missing_object_is_none_and_can_be_deleted(service: ObjectService) -> None:
    objects = opened(service)
    assert await objects.get("k") is None
    await objects.delete("k")


async def test_retries_of_the_library_end_quickly_and_ignore_retry_after(service: ObjectService) -> None:
    service.answers, service.headers = {"PUT": (503, "")}, "\r\nretry-after: 30"
    with pytest.raises(ObjectsError, match="503"):
        await opened(service, timeout=30).put("k", b"x")
    assert len(service.calls) == 2


@pytest.mark.parametrize(
    ("url", "options", "problem"),
    [
        ("s3://bucket/p?region=eu-west-1", {}, "options after"),
        ("s3://bucket/p#x", {}, "options after"),
        ("file:///tmp/x?a=b", {}, "options after"),
        ("s3://bucket/p", {"timeout": "5 s"}, "one of timeout is not an option of s3"),
        ("s3://bucket/p", {"region": "x", "nope": "s3cret"}, "nope is not an option of s3"),
        ("s3://bucket/p", {"virtual_hosted_style_request": "s3cret"}, "another value is needed; write for example reg"),
        ("gs://bucket/p", {"service_account_key": "s3cret"}, "write for example service_account="),
        ("az://bucket/p", {}, "az:// needs options here"),
    ],
)
def test_options_without_effect_are_refused(url: str, options: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        Objects.open(url, options=options)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value), "options are secrets, also wrong ones"


def test_an_endpoint_of_virtual_hosts_names_the_bucket() -> None:
    virtual = {"region": "x", "virtual_hosted_style_request": "true"}
    with pytest.raises(SettingsError, match=r"the bucket: endpoint=https://evidence\.s3\.example\.com"):
        Objects.open("s3://evidence/calls", options={**virtual, "endpoint": "https://s3.example.com"})
    Objects.open("s3://evidence/calls", options={**virtual, "endpoint": "https://evidence.s3.example.com"})
    Objects.open("s3://evidence/calls", options=virtual)  # S3 itself


async def test_the_bucket_is_in_the_path_unless_the_host_names_it(service: ObjectService) -> None:
    proxy = {"proxy_url": f"http://127.0.0.1:{service.port}"}  # it is asked for whole addresses
    for endpoint, more in (
        ("http://s3.example.com", {}),
        ("http://evidence.s3.example.com", {"virtual_hosted_style_request": "true"}),
    ):
        options = {**service.options, **proxy, "endpoint": endpoint, **more}
        await Objects.open("s3://evidence/calls", options=options).put("k", b"x")
    assert [call for call in service.calls if call.startswith("PUT")] == [
        "PUT http://s3.example.com/evidence/calls/k",
        "PUT http://evidence.s3.example.com/calls/k",
    ]


async def test_client_options_are_accepted(service: ObjectService) -> None:
    options = {**service.options, "allow_http": "true"}
    await Objects.open("s3://evidence/calls", options=options).put("k", b"x")
    assert service.objects == {"/evidence/calls/k": b"x"}


async def test_an_archive_is_checked_by_writing_reading_and_deleting(service: ObjectService) -> None:
    result = await try_archive(opened(service))
    assert (result.problem, result.not_removed, service.objects) == ("", "", {})
    assert [call.split()[0] for call in service.calls] == ["PUT", "GET", "POST", "GET"]
    service.answers = {"POST": (403, DENIED)}
    result = await try_archive(opened(service))
    assert result.problem == ""
    assert result.not_removed.startswith("delete: ")
    kept = "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    service.answers = {"POST": (200, kept)}  # the request as a whole is accepted, its one object is not
    assert (await try_archive(opened(service))).not_removed.startswith("delete: ")
    service.answers = {"GET": (403, DENIED)}
    result = await try_archive(opened(service))
    assert result.problem.startswith("get: ")


async def test_a_folder_holds_objects_as_files(tmp_path: Path) -> None:
    objects = Objects.open(f"file://{tmp_path}/archive")
    assert await objects.get("calls/1") is None
    await objects.delete("calls/1")
    await objects.put("calls/1", b"first")
    await objects.put("calls/1", b"second")
    assert [(f.name, f.read_bytes()) for f in (tmp_path / "archive/calls").iterdir()] == [("1", b"second")]
    assert await objects.get("calls/1") == b"second"
    await objects.delete("calls/1")
    assert await objects.get("calls/1") is None
    (tmp_path / "archive/calls/1/2").mkdir(parents=True)
    with pytest.raises(ObjectsError, match="IsADirectoryError"):
        await objects.put("calls/1", b"third")
    assert [f.name for f in (tmp_path / "archive/calls").iterdir()] == ["1"]


async def test_a_folder_of_data_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    await Objects.in_folder(tmp_path / "data").put("calls/1", b"x")
    for folder in ("data", "data/calls", "data/reports"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700


def test_a_missing_optional_part_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(sys.modules, "awbridge.sinks.object_service", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(SettingsError, match=re.escape("pip install 'awbridge[object-storage]'")):
        Objects.open("s3://bucket/prefix")
    Objects.open(f"file://{tmp_path}")
