"""Rows that a teacher drafts from a version, and the queue in which people accept or reject them."""
