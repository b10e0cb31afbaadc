"""Bytes into rows, rows into examples, examples into findings, repairs and splits. No Django, and no torch but in tokens.py."""
