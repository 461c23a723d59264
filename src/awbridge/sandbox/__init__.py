"""A simulated ClickPost with faults, to develop, test and rehearse against.

It shares no code with the bridge, so that a mistake about ClickPost cannot hide on both sides.
"""

from awbridge.sandbox.config import Account, Downtime, Faults, JourneyWeights, SandboxConfig
from awbridge.sandbox.server import running, serve
from awbridge.sandbox.simulator import Sandbox

__all__ = ["Account", "Downtime", "Faults", "JourneyWeights", "Sandbox", "SandboxConfig", "running", "serve"]
