"""Scans, timelines, milestones, boxes, returns, expected dates, and when ClickPost is asked for more."""
