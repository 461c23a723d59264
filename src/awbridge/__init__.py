"""awbridge: the finished ClickPost integration. The public names of the library, nothing else."""

from awbridge.clickpost.async_client import AsyncClickPost
from awbridge.clickpost.sync_client import ClickPost

__version__ = "0.1.0"

__all__ = ["AsyncClickPost", "ClickPost", "__version__"]
