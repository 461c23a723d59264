"""The mapping of transporters, and its comparison with ClickPost's accounts."""
