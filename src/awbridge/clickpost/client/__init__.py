"""The clients: with asyncio, and the one without that tools/make_sync.py makes of it."""
