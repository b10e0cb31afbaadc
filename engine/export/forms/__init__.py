"""The forms a trained model leaves the workbench in. A new one is one file beside these and one row here.

Each file holds, in this order: TITLE, ABOUT, PRECISIONS ((key, label), the first is the default),
``refusal(adapter, base)`` (no torch; the page asks it), ``write(work)`` and ``reopen(folder, base)``, which gives model
and tokenizer in fp32 from the written files; a form that needs its base model beside it is given its folder.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

FORMS: dict[str, str] = {
    "adapter": "engine.export.forms.adapter",
    "merged": "engine.export.forms.merged",
    "gguf": "engine.export.forms.gguf_file",
}


def load(name: str) -> ModuleType:
    return import_module(FORMS[name])
