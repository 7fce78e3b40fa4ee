"""Benchmarks: each module prints Markdown tables for docs/benchmarks.md."""
