"""What the tables say about the work of the steps: when each step has something to do."""
