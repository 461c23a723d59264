"""The tests of the pages fail where a page is wrong."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.compare import difference, differing_prints
from tests.docs.pages import Block, Marker, Page, PageError, read_page
from tests.docs.readers import read_settings_file, read_variables
from tests.docs.run import PageRun, rule_of, unused_files
from tests.docs.shell import BlockFailed, Shell
from tests.docs.test_pages import lacking

pytestmark = pytest.mark.heavy

Write = Callable[[str], Page]


@pytest.fixture
def page(tmp_path: Path) -> Write:
    def write(text: str) -> Page:
        (tmp_path / "page.md").write_text(text, encoding="utf-8")
        return read_page(tmp_path / "page.md")

    return write


def fenced(text: str, *markers: str, language: str = "sh") -> str:
    return "".join(f"<!-- {marker} -->\n" for marker in markers) + f"```{language}\n{text}\n```\n\n"


@pytest.fixture
def run(page: Write, tmp_path: Path) -> Callable[[str], None]:
    """Run a page in a bash without awbridge."""

    def run(text: str) -> None:
        folder, notes = tmp_path / "reader", tmp_path / "notes"
        folder.mkdir()
        notes.mkdir()
        shell = Shell(folder, {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}, notes)
        try:
            PageRun(page(text), shell, folder).run()
        finally:
            shell.close()

    return run


def test_the_reader_sees_blocks_with_their_markers(page: Write) -> None:
    found = page("text\n\n" + fenced("a", "setup\nb\nc", "ends with: 3") + "- item\n\n  ```sh\n  c\n  ```\n")
    setup, first, second = found.items
    assert isinstance(setup, Marker)
    assert isinstance(first, Block)
    assert isinstance(second, Block)
    assert (setup.name, setup.text) == ("setup", "b\nc")
    assert (first.text, first.line, first.get("ends with")) == ("a\n", 7, "3")
    assert (second.text, second.markers) == ("c\n", ())


@pytest.mark.parametrize(
    "text",
    [
        fenced("x", "no run: it needs a server"),  # misspelt
        "<!-- file: a.json -->\n\ntext\n",  # above no block
        "text\n\n    indented\n",
        "text\n\n<!-- then: true -->\n",
    ],
)
def test_what_the_tests_do_not_understand_fails(page: Write, text: str) -> None:
    with pytest.raises(PageError, match="line"):
        page(text)


@pytest.mark.parametrize(
    "text",
    [
        fenced("{}", language="json"),
        fenced("x", language=""),
        fenced("a { }", language="nginx"),
        fenced("x", "file: a", "output"),
    ],
)
def test_a_block_without_a_rule_fails(page: Write, text: str) -> None:
    (block,) = page(text).blocks
    with pytest.raises(PageError, match="line"):
        rule_of(block)


def test_a_file_that_no_later_block_uses_is_found(page: Write) -> None:
    assert unused_files(page(fenced("a,b", "file: a.csv", language="csv"))) == ["a.csv"]
    assert not unused_files(page(fenced("a,b", "file: a.csv", language="csv") + fenced("cat a.csv")))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (fenced("false\ntrue"), "exit code 1"),
        (fenced("no-such-command"), "no-such-command"),
        (fenced("false | cat"), "exit code 1"),
        (fenced("true", "ends with: 3"), "exit code 0"),
        (fenced("true", "then: false"), "exit code 1"),
        (fenced("true", "setup: false"), "exit code 1"),
        (fenced("echo a") + fenced("b", "output", language=""), "another one"),
        (fenced("b", "output of: echo a", language=""), "another one"),
        (fenced('{"a": [{"b": 1}]}', """shape of: echo '{"a": [{"c": 1}]}' """, language="json"), "fields are others"),
        (fenced("echo a", "put in: b = c"), "does not contain"),
        (fenced("x", "not run: later"), "reason"),
        (fenced("x", "not run: it is slow; tests/no_such_test.py runs it"), "no tests/no_such_test.py"),
        (fenced("x", "quoted from: no/such/file"), "no file"),
        (fenced("not a line of it", "quoted from: Makefile"), "does not contain"),
        (fenced("{,}", "file: a.json", language="json"), "JSON"),
        (fenced("retry_delays = [1]", language="toml"), "retry_delays"),
        (fenced("export AWBRIDGE_LOG_LEVEL=loud"), "log_level"),
        (fenced("true", "keeps running:"), "does not run on"),
    ],
)
def test_a_page_that_is_wrong_fails(run: Callable[[str], None], text: str, problem: str) -> None:
    with pytest.raises((BlockFailed, PageError), match=problem):
        run(text)


def test_a_page_that_is_right_passes(run: Callable[[str], None]) -> None:
    run(
        fenced('{"a": 1}', "file: a.json", language="json")
        + fenced("variable=1\ncd /\ncat ~+/etc/hostname >/dev/null\ncd - >/dev/null\ncat a.json")
        + fenced('{\n  "a": 1\n}', "output", language="json")
        + fenced('test "$variable" = 1\necho 2 wrong; false', "ends with: 1")
        + fenced("3 wrong", "output: number", language="")
        + fenced("read answer; test -t 0; echo $answer", "input: yes")
        + fenced("yes", "output", language="")
        + fenced("echo ID", "put in: ID = $(echo 17)")
        + fenced("17", "output", language="")
        + fenced('{"a": [{"b": 1}]}', """shape of: echo '{"a": [{"b": "x"}, {}]}' """, language="json")
        + fenced("lint: install", "quoted from: Makefile", "file: a.mk", language="make")
        + fenced("grep lint a.mk")
        + fenced("print(N)  # -> 3", "put in: N = $((1 + 2))", language="python")
        + fenced("whatever", "not run: it needs a cluster", language="")
    )


def test_a_program_that_a_page_calls_and_the_machine_lacks_is_named(page: Write, monkeypatch: pytest.MonkeyPatch):
    text = fenced("jq . a.json | sort", "setup: nginx -t")
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    assert not lacking(page(text))
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    assert lacking(page(text)) == ["jq", "nginx"]


def test_an_output_varies_only_where_the_page_says_so() -> None:
    assert not difference("at 2026-11-23 10:30 IST\n...\nend", "at 2027-01-01 00:00 UTC\nmore\nmore\nend\n", "time")
    assert difference("at 2026-11-23 10:30 IST", "at 2027-01-01 00:00 UTC")
    assert difference("one\n...\nend", "one\nmore\n")
    assert not difference('{"b": 1, "a": [2]}', '{"a": [2],\n "b": 1}')
    assert "does not vary in" in difference("a", "a", "weather")


def test_what_a_program_prints_is_compared_with_its_comments() -> None:
    assert not differing_prints("print(1)  # -> 1\nprint(2)  # -> 2", "1\n2\n")
    assert differing_prints("print(1)  # -> 1", "2\n")
    assert not differing_prints("print(1)", "1\n")


def test_settings_of_pages_are_read_by_the_readers_of_the_product() -> None:
    read_settings_file('log_format = "json"')
    read_variables("AWBRIDGE_LOG_LEVEL=info awbridge work  # a comment with ' in it\nAWBRIDGE_LOG_LEVEL=$level\n")
    read_variables("AWBRIDGE_CLICKPOST_KEY_FILE=/run/secrets/key AWBRIDGE_CONFIG=a.toml awbridge serve")
    with pytest.raises(Exception, match="log_levle"):
        read_settings_file('log_levle = "info"')
    with pytest.raises(ValueError, match="AWBRIDGE_LOG_LEVLE"):
        read_variables("export AWBRIDGE_LOG_LEVLE=info")
    with pytest.raises(Exception, match="log_level"):
        read_variables('export AWBRIDGE_LOG_FORMAT=json AWBRIDGE_LOG_LEVEL="very loud"')
