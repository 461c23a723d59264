"""Runs a page as its reader would: every block in the order of the page, by the rule of its language or its marker."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.docs.compare import difference, differing_prints, shape
from tests.docs.pages import ROOT, Block, Marker, Page, PageError
from tests.docs.readers import read_settings_file, read_variables
from tests.docs.shell import BlockFailed, Ran, Shell

SHELL = ("sh", "bash", "shell")


class PageRun:
    """A page in the terminal of one reader."""

    def __init__(self, page: Page, shell: Shell, folder: Path) -> None:
        self._page = page
        self._shell = shell
        self._folder = folder
        self._printed: str | None = None  # by the latest block that ran

    def run(self) -> None:
        """Raises AssertionError or PageError, with the line of the page, for the first thing that is wrong."""
        for item in self._page.items:
            try:
                if isinstance(item, Block):
                    self._block(item)
                elif item.name == "setup":
                    self._hidden(item.text)
            except PageError as error:
                raise PageError(f"{self._page.name}: {error}") from None
            except Exception as error:
                raise BlockFailed(f"{self._page.name}, line {item.line}: {type(error).__name__}: {error}") from error

    def _block(self, block: Block) -> None:
        rule = rule_of(block)
        rule(self, block)
        for check in block.all("then"):
            self._hidden(check)

    def _hidden(self, script: str) -> str:
        return self._shell.run(script).output

    # The rules.

    def not_run(self, block: Block) -> None:
        """A block that cannot run here, with the reason."""
        check_reason(block)

    def quoted(self, block: Block) -> None:
        """A block that quotes lines of a file of this repository."""
        name = block.get("quoted from") or ""
        file = ROOT / name
        assert file.is_file(), f"there is no file {name}"
        wanted = _dedented(block.text)
        lines = file.read_text(encoding="utf-8").splitlines()
        count = len(wanted)
        found = any(_dedented("\n".join(lines[at : at + count])) == wanted for at in range(len(lines)))
        assert found, f"{name} does not contain these lines"
        if block.all("file"):
            self.file(block)

    def output(self, block: Block) -> None:
        """A block that shows what the block before, or a command, prints."""
        command = block.get("output of")
        printed = self._hidden(command) if command is not None else self._printed
        assert printed is not None, "no block before this one has printed anything"
        found = difference(block.text, printed, block.get("output") or "")
        assert not found, f"the output is another one:\n{found}"

    def shape(self, block: Block) -> None:
        """A block of JSON with the fields of what a command prints."""
        printed = self._hidden(block.get("shape of") or "")
        shown, real = (json.dumps(shape(json.loads(text)), indent=1, sort_keys=True) for text in (block.text, printed))
        assert shown == real, f"the fields are others:\n{difference(shown, real)}"

    def file(self, block: Block) -> None:
        """A file of the reader's, which later blocks use."""
        file = self._folder / (block.get("file") or "")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._as_run(block), encoding="utf-8")
        _parse(block)

    def script(self, block: Block) -> None:
        """Commands of a shell."""
        script = self._as_run(block)
        read_variables(script)
        ready, expected = block.get("keeps running"), block.get("ends with")
        if ready is not None:
            self._shell.run_on(script, ready)
            self._printed = None
            return
        ran = self._shell.run(script, stops=expected is None, typed=block.get("input"))
        assert expected is None or ran.code == int(expected), _failed(ran)
        self._printed = ran.output

    def program(self, block: Block) -> None:
        """A Python program. What it prints is as the comments `# -> value` say."""
        (self._folder / "_program.py").write_text(self._as_run(block), encoding="utf-8")
        expected = block.get("ends with")
        ran = self._shell.run("python _program.py", stops=expected is None, typed=block.get("input"))
        (self._folder / "_program.py").unlink()
        assert expected is None or ran.code == int(expected), _failed(ran)
        found = differing_prints(block.text, ran.output)
        assert not found, f"it prints something else:\n{found}"
        self._printed = ran.output

    def settings(self, block: Block) -> None:
        """A file of settings."""
        read_settings_file(block.text)

    def _as_run(self, block: Block) -> str:
        """The text of a block, with what its markers put in."""
        text = block.text
        for change in block.all("put in"):
            old, separator, new = (part.strip() for part in change.partition(" = "))
            assert separator, "a marker `put in` reads: WHAT STANDS THERE = VALUE"
            assert old in text, f"the block does not contain {old}"
            value = self._expanded(new)
            assert value, f"{new} is empty"
            text = text.replace(old, value)
        return text

    def _expanded(self, value: str) -> str:
        """A value that may contain $variables and $(commands), as in double quotes."""
        return self._hidden(f'{{ _value="{value}"; }} 2>/dev/null\nprintf %s "$_value"')


Rule = Callable[[PageRun, Block], None]
_BY_MARKER: dict[str, Rule] = {
    "not run": PageRun.not_run,
    "quoted from": PageRun.quoted,
    "output": PageRun.output,
    "output of": PageRun.output,
    "shape of": PageRun.shape,
    "file": PageRun.file,
}
_BY_LANGUAGE: dict[str, Rule] = {
    **dict.fromkeys(SHELL, PageRun.script),
    "python": PageRun.program,
    "toml": PageRun.settings,
}


def rule_of(block: Block) -> Rule:
    """What is done with a block. Raises PageError for one without a rule."""
    rules = {rule for name, rule in _BY_MARKER.items() if block.all(name)}
    if PageRun.quoted in rules:
        rules.discard(PageRun.file)
    if len(rules) > 1:
        raise PageError(f"line {block.line}: these markers exclude each other")
    rule = next(iter(rules), None) or _BY_LANGUAGE.get(block.language)
    if rule is None:
        kind = block.language or "a block without a language"
        raise PageError(f"line {block.line}: {kind} needs a marker that says what it is: {', '.join(_BY_MARKER)}")
    return rule


def check_reason(block: Block) -> None:
    """Raises PageError for a block that does not run and says too little of why, or names a test that is not there."""
    for reason in block.all("not run"):
        if len(reason.split()) < 3:
            raise PageError(f"line {block.line}: `not run` needs a reason")
        for path in re.findall(r"\b(?:tests|bench|tools)/[\w/.]*\w", reason):
            if not (ROOT / path).exists():
                raise PageError(f"line {block.line}: there is no {path}")


def _parse(block: Block) -> None:
    if block.language == "json":
        json.loads(block.text)
    elif block.language in ("yaml", "yml"):
        yaml.safe_load(block.text)
    elif block.language == "python":
        compile(block.text, block.get("file") or "", "exec")


def _failed(ran: Ran) -> str:
    return f"exit code {ran.code}, printed:\n{ran.output}"


def _dedented(text: str) -> list[str]:
    lines = text.rstrip("\n").splitlines()
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    return [line[min(indents, default=0) :].rstrip() for line in lines]


def unused_files(page: Page) -> list[str]:
    """Files that a page writes, of which nothing else on the page names the file or its folder."""
    texts = [block.text for block in page.blocks]
    texts += [marker.text for block in page.blocks for marker in block.markers if marker.name != "file"]
    texts += [item.text for item in page.items if isinstance(item, Marker)]
    written = [block for block in page.blocks if block.all("file") and not block.all("then")]
    names = [block.get("file") or "" for block in written]
    return [name for name in names if not any(re.search(_named(name), text) for text in texts)]


def _named(file: str) -> str:
    """How a text names a file: by its name, its outermost folder, or as a module of Python."""
    path = Path(file)
    names = [path.name, *path.parts[:-1][:1], *([path.stem] if path.suffix == ".py" else [])]
    return "|".join(rf"\b{re.escape(name)}\b" for name in names)
