"""Training: the specification (no torch) and the job that runs it (torch, in its own process)."""
