"""Sample: support tickets to strict JSON. ``python -m engine.samples.support_tickets`` writes the files again."""
