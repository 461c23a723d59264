"""The designs that awbridge is measured against."""
