"""Commands about messages: notices to customers, webhook subscribers, opt-outs, alarms."""
