"""Adapters (which weights train): one file an adapter, named in ``table.ADAPTERS``."""
