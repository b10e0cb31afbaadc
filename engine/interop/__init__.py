"""Other tools' configurations: one file a tool, plain documents in and out, no torch."""
