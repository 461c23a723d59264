"""All tables of an account, to be copied to another database: read as of one moment, written, dropped."""
