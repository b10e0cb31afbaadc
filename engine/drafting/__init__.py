"""Candidate rows that a teacher drafts from seed rows. None enters a version before a person has accepted it."""
