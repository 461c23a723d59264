"""The one reader of incoming tables: CSV, XLSX, XLS and ODS, from bytes to rows. No database, no vendor.

Tables from people and from ClickPost follow the same rules (docs/reference/files.md).
"""
