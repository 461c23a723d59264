"""The scans of the pieces of a multi-piece shipment, one of which may fail. Drawn from the seed; no clock."""

import random
from dataclasses import replace
from typing import Literal

from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.shipments.journeys import Journey, JourneyStage, JourneyStep, build_step, replan

PieceFailure = Literal["failed", "lost", "damaged", "rto"]
PIECE_FAILURES: tuple[PieceFailure, ...] = ("failed", "lost", "damaged", "rto")
_IN_TRANSIT = 5


def add_piece_scans(steps: Journey, pieces: int, *, config: SandboxConfig, seed: str) -> Journey:
    """Add the scans of each piece; with `pieces_alone`, remove those of the shipment itself.

    Orders drawn to have no piece scans keep their steps. Each step is at least 1 second after the previous one.
    """
    rng = random.Random(f"{config.seed}:{seed}:pieces")
    if not pieces or rng.random() >= config.piece_scans:
        return steps
    failed = rng.randint(1, pieces) if rng.random() < config.wrong_pieces else 0
    pieces_alone = rng.random() < config.pieces_alone
    combined = [] if pieces_alone else list(steps)
    for piece in range(1, pieces + 1):
        own = _fail_piece(steps, rng.choice(PIECE_FAILURES), rng, config, seed) if piece == failed else steps
        combined += [replace(step, piece=piece) for step in own]
    combined.sort(key=lambda step: (step.offset, step.piece))
    return _space_out(combined)


def replan_piece(
    steps: Journey, completed: int, piece: int, *, back: bool, config: SandboxConfig, seed: str
) -> Journey:
    """Replace the remaining steps of one piece, as `replan` does; the other pieces keep theirs."""
    own = tuple(step for step in steps[:completed] if step.piece == piece)
    new_steps = replan(own, len(own), back=back, config=config, seed=seed)[len(own) :]
    others = [step for step in steps[completed:] if step.piece != piece]
    remaining = sorted([*others, *(replace(step, piece=piece) for step in new_steps)], key=lambda step: step.offset)
    return _space_out([*steps[:completed], *remaining])


def _space_out(steps: list[JourneyStep]) -> Journey:
    first, last, spaced = steps[0].offset, steps[0].offset - 1, list[JourneyStep]()
    for step in steps:
        last = max(step.offset - first, last + 1)
        spaced.append(replace(step, offset=last))
    return tuple(spaced)


def _fail_piece(steps: Journey, failure: PieceFailure, rng: random.Random, config: SandboxConfig, seed: str) -> Journey:
    """The steps up to the first hub, followed by the failure. Journeys that reach no hub stay as they are."""
    completed = next((position for position, step in enumerate(steps, 1) if step.code == _IN_TRANSIT), 0)
    if not completed:
        return steps
    if failure == "rto":
        return replan(steps, completed, back=True, config=config, seed=f"{seed}:piece")
    codes = {"failed": (6, 9, 6, 8), "lost": (18, 16), "damaged": (20, 17)}[failure]
    last, new_steps = steps[completed - 1], list[JourneyStep]()
    for number, code in enumerate(codes, 1):
        offset = last.offset + number * max(1, round(8 * 3600 * config.gap_scale))
        new_steps.append(build_step(JourneyStage(code, "hub", (0, 0)), offset, last.city, rng, config))
    return (*steps[:completed], *new_steps)
