"""Everything that knows ClickPost: field names, codes, hosts, quirks. A contract change touches this folder alone."""
