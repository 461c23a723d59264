"""awbridge: the finished ClickPost integration. The public names of the library, nothing else."""

from awbridge.clickpost.client import AsyncClickPost, ClickPost

__version__ = "0.1.0"

__all__ = ["AsyncClickPost", "ClickPost", "__version__"]
