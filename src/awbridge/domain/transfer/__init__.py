"""The file that holds an exported account."""
