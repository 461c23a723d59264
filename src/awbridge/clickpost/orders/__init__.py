"""Create-order payloads in every form, their checks, what a refusal means, and the calls about an order."""
