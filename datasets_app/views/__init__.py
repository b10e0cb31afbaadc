"""One module a noun: the data page, uploads, versions, their rows, repairs, splits."""
