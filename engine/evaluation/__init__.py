"""Judging: systems, generation, metrics, statistics and general-capability probes."""
