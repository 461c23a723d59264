"""Benchmarks with their peers, run by `make bench`."""
