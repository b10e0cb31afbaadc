"""Decisions: dataclasses in, dataclasses out, no torch."""
