"""What stops a start."""

from __future__ import annotations


class LaunchError(Exception):
    """The workbench cannot be started, or cannot go on; says what was found and what to do."""
