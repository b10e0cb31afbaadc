"""What the workbench costs, measured beside what others cost on the same rows: ``make bench``, docs/benchmarks.md."""
