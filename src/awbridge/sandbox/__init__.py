"""A simulated ClickPost with fault injection, for development, tests and rehearsals.

It shares no code with the bridge, so that a wrong assumption about ClickPost cannot hide on both sides.
"""

from awbridge.sandbox.config import DowntimeWindow, Faults, JourneyWeights, SandboxConfig, SimulatedAccount
from awbridge.sandbox.server import running, serve
from awbridge.sandbox.simulator import Sandbox

__all__ = [
    "DowntimeWindow",
    "Faults",
    "JourneyWeights",
    "Sandbox",
    "SandboxConfig",
    "SimulatedAccount",
    "running",
    "serve",
]
