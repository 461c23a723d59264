"""The older version of a rolling upgrade: what may be given for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from awbridge.domain.errors import AwbridgeError
from awbridge.rehearsal.outages.older import unpacked
from awbridge.store.engine.migrate import migrations, own_schema


def package(folder: Path, schema: int) -> Path:
    files = folder / "awbridge" / "store" / "engine" / "migrations"
    files.mkdir(parents=True)
    (files / f"{schema:04}_newest.sql").touch()
    (folder / "awbridge" / "__init__.py").touch()
    return folder


def test_a_folder_a_checkout_or_a_wheel_may_be_given(tmp_path: Path) -> None:
    plain = package(tmp_path / "plain", own_schema())
    assert unpacked(plain, tmp_path) == plain
    package(tmp_path / "checkout" / "src", own_schema())
    assert unpacked(tmp_path / "checkout", tmp_path) == tmp_path / "checkout" / "src"
    wheel = tmp_path / "awbridge-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as made:
        for file in plain.rglob("*"):
            made.write(file, file.relative_to(plain))
    assert unpacked(wheel, tmp_path) == tmp_path / "older"


def test_what_holds_no_older_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AwbridgeError, match="holds no package awbridge"):
        unpacked(tmp_path, tmp_path)
    needed = max(one.compatible_from for one in migrations())
    with pytest.raises(AwbridgeError, match=f"schema {needed - 1:04}, and this one needs {needed:04}"):
        unpacked(package(tmp_path / "old", needed - 1), tmp_path)
