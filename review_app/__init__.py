"""Blind review: people say which answer of an evaluation is better, without knowing whose it is."""
