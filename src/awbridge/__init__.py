"""awbridge: the finished ClickPost integration."""

__version__ = "0.1.0"
