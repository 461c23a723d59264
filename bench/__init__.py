"""Benchmarks against peers. docs/explanation/performance.md has results."""
