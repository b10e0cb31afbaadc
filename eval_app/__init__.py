"""Evaluation: systems side by side on held-out rows, and the verdict."""
