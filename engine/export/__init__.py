"""A trained model in the forms it is used in elsewhere, and whether it is the same there."""
