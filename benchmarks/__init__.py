"""Measurements at sizes that matter. Each module with a `main` is a command: `python -m benchmarks.<name> --help`."""
