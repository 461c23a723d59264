"""Commands about shipments: import, lists, payloads, requests to couriers."""
