"""Benchmarks against peers. docs/performance.md has results."""
