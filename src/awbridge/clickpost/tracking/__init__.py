"""ClickPost's updates about shipments: webhooks, polled answers, returns, NDR."""
