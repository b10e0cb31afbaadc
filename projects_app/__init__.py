"""Projects and who may see them. Every object of a project is reached through projects_app/access.py."""
