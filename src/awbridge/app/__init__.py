"""The only wiring: settings, policies out of them, the loops, `serve` and `work`, logs, doctor."""
