"""Training: the launch form, the jobs and their checkpoints, the live page."""
