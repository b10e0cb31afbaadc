"""Bytes into rows, rows into examples, examples into findings, repairs and splits.

No Django; transformers only in tokens.py, which only the audit process imports.
"""
