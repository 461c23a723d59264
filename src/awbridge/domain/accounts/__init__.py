"""Accounts: several companies, brands or regions in one service, each with an account at ClickPost of its own. Pure."""
