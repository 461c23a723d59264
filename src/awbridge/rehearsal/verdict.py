"""What a rehearsal found, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

SHOWN = 20  # differences that are printed


@dataclass(frozen=True, slots=True)
class CountedPromise:
    """What awbridge promises, what was counted, and each case in which it was broken.

    `of`: how many cases there were. A promise without a case is not kept: nothing was proved.
    """

    text: str
    counted: str
    broken: list[str]
    of: int

    @property
    def kept(self) -> bool:
        """Whether there were cases and none broke it."""
        return self.of > 0 and not self.broken


@dataclass(slots=True)
class Verdict:
    """The figures of a rehearsal, and every difference between awbridge and the sandbox's ledger."""

    numbers: dict[str, float] = field(default_factory=dict[str, float])
    faults: list[str] = field(default_factory=list[str])
    promises: list[CountedPromise] = field(default_factory=list[CountedPromise])

    @property
    def good(self) -> bool:
        """Whether there is no difference and every promise was kept."""
        return not self.faults and all(promise.kept for promise in self.promises)

    def show(self, proved: str) -> None:
        """Print the figures and the verdict; `proved` is what a good one means."""
        width = max(map(len, self.numbers), default=0)
        for name, number in self.numbers.items():
            click.echo(f"{name:<{width}}  {number:.10g}")
        self._show_promises()
        faults = self.faults + [difference for promise in self.promises for difference in promise.broken]
        for fault in faults[:SHOWN]:
            click.secho(fault, fg="red")
        if len(faults) > SHOWN:
            click.secho(f"... and {len(faults) - SHOWN} more", fg="red")
        if self.good:
            click.echo(click.style("Good:", fg="green") + f" {proved}")
        else:
            unproved = sum(not promise.of for promise in self.promises)
            more = f", {unproved} promises without a case" if unproved else ""
            click.echo(click.style("Not good:", fg="red") + f" {len(faults)} differences{more}")

    def _show_promises(self) -> None:
        if not self.promises:
            return
        rows = [("promise", "counted", "verdict")]
        rows += [(one.text, one.counted, "kept" if one.kept else "BROKEN") for one in self.promises]
        first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
        click.echo()
        for text, counted, word in rows:
            click.echo(f"{text:<{first}}  {counted:<{second}}  {word}")
