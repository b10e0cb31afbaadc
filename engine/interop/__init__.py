"""Other tools' documents: what they read, written from what the workbench knows."""
