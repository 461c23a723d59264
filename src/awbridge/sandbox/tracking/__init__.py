"""The tracking endpoints: polling, waybill registration, failed deliveries (NDR), return requests."""
