"""What ClickPost's integration guidelines demand, and whether a deployment meets it."""
