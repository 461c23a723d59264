"""The forms of a page as a browser sees them, and what it sends for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

Pairs = list[tuple[str, str]]
CHOICES = ("select", "radio", "checkbox")


@dataclass(eq=False)
class Control:
    """An input of a form. `kind`: an input's type, or select, textarea, button. `options`: what a select offers."""

    name: str
    kind: str
    value: str = ""
    is_chosen: bool = True
    longest: int | None = None
    options: list[str] = field(default_factory=list[str])
    action: str = ""


@dataclass(eq=False)
class Form:
    """A form of a page. `is_upload`: it sends a file."""

    action: str
    method: str
    is_upload: bool
    controls: list[Control] = field(default_factory=list[Control])

    def actions(self) -> Iterator[tuple[str, Control | None]]:
        """Where it can be sent, and the button for that; None for the button without a name."""
        buttons = [c for c in self.controls if c.kind == "button"]
        yield from ((b.action or self.action, b) for b in buttons)
        if not buttons:
            yield self.action, None

    def names(self) -> tuple[str, ...]:
        """The names of its controls."""
        return tuple(sorted({c.name for c in self.controls if c.name}))

    def pairs(self, button: Control | None = None, *, but: Control | None = None, text: str | None = None) -> Pairs:
        """What is sent when the button is pressed; `text` in place of what the control `but` holds, None: nothing.

        One box of each name is ticked.
        """
        found, ticked = Pairs(), set[str]()
        for control in self.controls:
            if not control.name or (but and control.name == but.name and control is not but):
                continue
            if control is but:
                found += [(control.name, text)] if text is not None else []
            elif control.kind == "checkbox":
                if control.is_chosen or control.name not in ticked:
                    found.append((control.name, control.value))
                ticked.add(control.name)
            elif control.kind not in ("button", "file") and (control.kind != "radio" or control.is_chosen):
                found.append((control.name, control.value))
        if button is not None and button.name:
            found.append((button.name, button.value))
        return found


class _Reader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._control: Control | None = None
        self._option: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action") or self.path, given.get("method", "get"), "enctype" in given)
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "input":
            kind = given.get("type", "text")
            longest = int(given["maxlength"]) if given.get("maxlength") else None
            value = given.get("value", "on" if kind == "checkbox" else "")
            self._form.controls.append(Control(given.get("name", ""), kind, value, "checked" in given, longest))
        elif tag in ("select", "textarea"):
            longest = int(given["maxlength"]) if given.get("maxlength") else None
            self._control = Control(given.get("name", ""), tag, longest=longest)
            self._form.controls.append(self._control)
        elif tag == "option" and self._control:
            self._option = given.get("value")
            if self._option is not None:
                self._offer(self._option, is_chosen="selected" in given)
        elif tag == "button":
            button = Control(given.get("name", ""), "button", given.get("value", ""))
            button.action = given.get("formaction", "")
            self._form.controls.append(button)

    handle_startendtag = handle_starttag

    def _offer(self, option: str, *, is_chosen: bool) -> None:
        assert self._control
        if is_chosen or not self._control.options:
            self._control.value = option
        self._control.options.append(option)

    def handle_data(self, data: str) -> None:
        if self._control is None:
            return
        if self._control.kind == "textarea":
            self._control.value += data
        elif self._option is None and data.strip():
            self._offer(data.strip(), is_chosen=False)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag in ("select", "textarea"):
            if self._control and tag == "textarea":
                self._control.value = self._control.value.removeprefix("\n")
            self._control = None
        elif tag == "option":
            self._option = None


def forms_of(page: str, path: str) -> list[Form]:
    """The forms of the page at this path."""
    reader = _Reader(path)
    reader.feed(page)
    return reader.forms


def held(forms: Sequence[Form], name: str) -> set[str]:
    """Every text that controls of this name hold, chosen boxes and options only."""
    return {
        control.value
        for form in forms
        for control in form.controls
        if control.name == name and (control.kind not in ("radio", "checkbox") or control.is_chosen)
    }
