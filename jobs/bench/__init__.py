"""Benchmarks: each module prints Markdown tables for docs/reference/benchmarks.md."""
