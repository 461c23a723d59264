"""What a rehearsal found, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

SHOWN = 20  # differences that are printed


@dataclass(slots=True)
class Verdict:
    """The figures of a rehearsal, and every difference between awbridge and the sandbox's ledger."""

    numbers: dict[str, float] = field(default_factory=dict[str, float])
    faults: list[str] = field(default_factory=list[str])

    @property
    def good(self) -> bool:
        """Whether there is no difference."""
        return not self.faults

    def show(self, proved: str) -> None:
        """Print the figures and the verdict; `proved` is what a good one means."""
        width = max(map(len, self.numbers), default=0)
        for name, number in self.numbers.items():
            click.echo(f"{name:<{width}}  {number:g}")
        for fault in self.faults[:SHOWN]:
            click.secho(fault, fg="red")
        if len(self.faults) > SHOWN:
            click.secho(f"... and {len(self.faults) - SHOWN} more", fg="red")
        if self.good:
            click.echo(click.style("Good:", fg="green") + f" {proved}")
        else:
            click.echo(click.style("Not good:", fg="red") + f" {len(self.faults)} differences")
