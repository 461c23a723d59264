"""What a difference between our shipments and ClickPost's report is."""
