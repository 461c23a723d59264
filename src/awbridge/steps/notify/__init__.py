"""Messages to customers, events to webhook subscribers, alarms to operators."""
