"""The report endpoints: shipment counts, the dashboard report, the audit log."""
