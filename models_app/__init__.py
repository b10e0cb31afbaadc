"""The shelf of base models of this installation."""
