"""Data: uploads, versions that never change, their audits, repairs and splits."""
