"""What ClickPost tells of a shipment: webhooks, polled answers, returns, NDR."""
