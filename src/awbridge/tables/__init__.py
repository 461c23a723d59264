"""Tables that come in as files: CSV, XLSX, XLS and ODS, from bytes to rows. No database, no vendor.

Every table that people or ClickPost hand over is read here, so that all of them are read alike (docs/files.md).
"""
