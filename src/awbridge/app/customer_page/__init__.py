"""The customer's page: from the settings to the page, and the process that makes pages for a crowd."""
