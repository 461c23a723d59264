"""What is told to customers and webhook subscribers, when, and why not."""
