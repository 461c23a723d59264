"""What others see of a running process: its traces, and the health and metrics of `work`."""
