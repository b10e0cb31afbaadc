"""What an answer depends on, as one SHA-256: the weights' content, the conversation, how it is decoded. No torch.

The conversation stands for its tokens, for the tokenizer and its template are part of the folder's content; a template
that writes the date makes the date part of the key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from engine import device
from engine.evaluation.store import Store

DECODING = 1
"""To be raised with every change that may change a greedy answer."""
_COUNTED = frozenset({".safetensors", ".json", ".jinja", ".txt", ".model"})
_BLOCK = 1 << 20


def weights_key(content: str, messages: Sequence[dict[str, Any]], tools: Any, *, today: str = "") -> str:
    """``content``: of model and adapter, as ``content_of`` gives it; ``today``: as ``dated`` gives it."""
    return _digest(["weights", DECODING, device.describe().kind, content, list(messages), tools or None, today])


def endpoint_key(base_url: str, model: str, messages: Sequence[dict[str, Any]], tools: Any) -> str:
    return _digest(["endpoint", DECODING, base_url.rstrip("/"), model, list(messages), tools or None])


def content_of(store: Store, model: Path, adapter: Path | None, *, read: bool = True) -> str | None:
    """Identity of the weights by what their files hold. Each file is read once and known again by size and time.

    ``read`` False: None unless all of them are known already (a page must not read gigabytes).
    """
    parts = []
    for folder in (model, adapter):
        if folder is None:
            continue
        for path in sorted(path for path in folder.iterdir() if path.suffix in _COUNTED and path.is_file()):
            known = store.known_hash(path) or (_hash(store, path) if read else None)
            if known is None:
                return None
            parts.append([path.name, known])
        parts.append(["folder", ""])
    return _digest(parts)


def dated(model: Path) -> str:
    """Today's date where the chat template of this folder writes it into prompts, else nothing."""
    for name in ("chat_template.jinja", "tokenizer_config.json"):
        path = model / name
        if path.is_file() and "strftime_now" in path.read_text(encoding="utf-8", errors="replace"):
            return date.today().isoformat()
    return ""


def _hash(store: Store, path: Path) -> str:
    digest = hashlib.sha256()
    facts = path.stat()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    store.keep_hash(path, facts.st_size, facts.st_mtime_ns, digest.hexdigest())
    return digest.hexdigest()


def _digest(parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
