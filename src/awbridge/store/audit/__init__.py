"""Calls as evidence, archive files, reports, runs, figures for operators."""
