"""The scans of the pieces of a multi-piece shipment, one of which may go wrong. Drawn from a seed; no clock."""

import random
from dataclasses import replace
from typing import Literal

from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.shipments.journeys import Mark, Step, detour, step_of

Fate = Literal["failed", "lost", "damaged", "rto"]
FATES: tuple[Fate, ...] = ("failed", "lost", "damaged", "rto")
_IN_TRANSIT = 5


def with_pieces(steps: tuple[Step, ...], pieces: int, *, config: SandboxConfig, seed: str) -> tuple[Step, ...]:
    """The steps with those of each piece among them; without the shipment's own where couriers tell of pieces alone.

    Orders whose pieces nobody tells of keep their steps. Each step stays at least 1 second after the one before.
    """
    dice = random.Random(f"{config.seed}:{seed}:pieces")
    if not pieces or dice.random() >= config.piece_scans:
        return steps
    wrong = dice.randint(1, pieces) if dice.random() < config.wrong_pieces else 0
    alone = dice.random() < config.pieces_alone
    told = [] if alone else list(steps)
    for piece in range(1, pieces + 1):
        own = _gone_wrong(steps, dice.choice(FATES), dice, config, seed) if piece == wrong else steps
        told += [replace(step, piece=piece) for step in own]
    told.sort(key=lambda step: (step.offset, step.piece))
    return _apart(told)


def piece_detour(
    steps: tuple[Step, ...], done: int, piece: int, *, back: bool, config: SandboxConfig, seed: str
) -> tuple[Step, ...]:
    """The steps with what was to come of one piece replaced, as `detour` does; the others keep theirs."""
    own = tuple(step for step in steps[:done] if step.piece == piece)
    ahead = detour(own, len(own), back=back, config=config, seed=seed)[len(own) :]
    others = [step for step in steps[done:] if step.piece != piece]
    to_come = sorted([*others, *(replace(step, piece=piece) for step in ahead)], key=lambda step: step.offset)
    return _apart([*steps[:done], *to_come])


def _apart(told: list[Step]) -> tuple[Step, ...]:
    first, last, spread = told[0].offset, told[0].offset - 1, list[Step]()
    for step in told:
        last = max(step.offset - first, last + 1)
        spread.append(replace(step, offset=last))
    return tuple(spread)


def _gone_wrong(
    steps: tuple[Step, ...], fate: Fate, dice: random.Random, config: SandboxConfig, seed: str
) -> tuple[Step, ...]:
    """The steps up to the first hub, and then another end. Those that never get there keep theirs."""
    done = next((place for place, step in enumerate(steps, 1) if step.code == _IN_TRANSIT), 0)
    if not done:
        return steps
    if fate == "rto":
        return detour(steps, done, back=True, config=config, seed=f"{seed}:piece")
    codes = {"failed": (6, 9, 6, 8), "lost": (18, 16), "damaged": (20, 17)}[fate]
    last, ahead = steps[done - 1], list[Step]()
    for number, code in enumerate(codes, 1):
        offset = last.offset + number * max(1, round(8 * 3600 * config.gap_scale))
        ahead.append(step_of(Mark(code, "hub", (0, 0)), offset, last.city, dice, config))
    return (*steps[:done], *ahead)
