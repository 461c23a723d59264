"""The clients, with asyncio and without: their calls, connections, and the recording of calls."""
