"""Milestones, events, notices, webhook subscribers, alarms."""
