"""Training methods: one file a method, named in ``table.METHODS``."""
