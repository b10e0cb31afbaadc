"""Runs: processes we supervise. The database is the queue, Celery the doorbell, a file the record."""
