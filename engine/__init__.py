"""The engine: data, training and evaluation of language models, with no web framework anywhere in it.

One door: ``python -m engine COMMAND``. A job is a directory: ``spec.json`` goes in, ``events.jsonl`` comes out.
"""
