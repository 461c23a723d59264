"""Everything that knows ClickPost: its field names, codes, hosts and quirks. A contract change touches this folder alone."""
