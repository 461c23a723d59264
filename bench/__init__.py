"""Benchmarks against peers. docs/explanation/performance/index.md has results."""
