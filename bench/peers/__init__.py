"""What awbridge is measured against."""
