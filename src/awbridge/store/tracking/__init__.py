"""The inbox, scans, tracking status, promises, and the sources of each update."""
