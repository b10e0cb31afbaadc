"""Documents of a project: texts that a system may look things up in."""
