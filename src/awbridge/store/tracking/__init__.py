"""The inbox, scans, promises, and which delivery told what."""
