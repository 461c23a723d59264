"""The compliance table of ClickPost's integration guidelines, with this deployment's evidence."""
