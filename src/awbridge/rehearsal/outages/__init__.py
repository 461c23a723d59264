"""The drills of outages: replicas of awbridge under load while a part of what they stand on fails."""
