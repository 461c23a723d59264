"""Scans, timelines, status, milestones, pieces, returns, EDDs, and the polling schedule."""
