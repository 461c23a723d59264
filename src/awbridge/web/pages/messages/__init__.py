"""The pages of messages to customers: what was sent and why not, templates with a preview, and opt-outs."""
