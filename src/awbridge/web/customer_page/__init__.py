"""The customer's page over HTTP: no sign-in, no framework, no call of the vendor."""
