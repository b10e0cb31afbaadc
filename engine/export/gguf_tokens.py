"""A tokenizer in a GGUF file: its tokens, merges, special tokens and template, and the name of the way it splits text.

The file does not hold how text is split before tokens are looked up, only a name that programs know. A wrong name
gives other tokens for the same text, silently; so a tokenizer is written only when it splits exactly as a known name
says. No torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import EngineError

_TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_HEAD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
_BYTES_ONLY = {**_BYTES, "use_regex": False}


def _split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


# Name in the file → the steps as tokenizer.json has them. The names and what they stand for are llama.cpp's.
SPLITS: dict[str, tuple[dict[str, Any], ...]] = {
    "gpt-2": (_BYTES,),
    "smollm": ({"type": "Digits", "individual_digits": True}, _BYTES),
    "llama-bpe": (_split(_HEAD + r"\p{N}{1,3}" + _TAIL), _BYTES_ONLY),
    "qwen2": (_split(_HEAD + r"\p{N}" + _TAIL), _BYTES_ONLY),
}
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5


def tokenizer_refusal(document: Mapping[str, Any]) -> str:
    """Why this tokenizer.json cannot be written; empty when it can."""
    model = document.get("model") or {}
    if model.get("type") != "BPE" or model.get("byte_fallback"):
        return (
            f"Its tokenizer is {model.get('type')}{' with byte fallback' if model.get('byte_fallback') else ''}; "
            "byte-level BPE can be written."
        )
    if not model.get("merges"):
        return "Its tokenizer merges nothing, and GGUF has no empty list to say so."
    name = split_name(document)
    if not name:
        return "Its tokenizer splits text in a way that has no name in GGUF: other programs would see other tokens."
    if bool(model.get("ignore_merges")) != (name == "llama-bpe"):
        return (
            "Its tokenizer looks whole words up before it merges, or the other way round, than its split's name says."
        )
    normalizer = (document.get("normalizer") or {}).get("type")
    if normalizer not in (None, "NFC") or (normalizer == "NFC" and name != "qwen2"):
        return f"Its tokenizer rewrites text first ({normalizer}), which the file cannot say."
    return ""


def split_name(document: Mapping[str, Any]) -> str:
    """The name of the way this tokenizer.json splits text; empty when it has none."""
    before = document.get("pre_tokenizer") or {}
    steps = before.get("pretokenizers", [before]) if before.get("type") == "Sequence" else [before]
    plain = tuple({key: value for key, value in step.items() if key != "trim_offsets"} for step in steps)
    return next((name for name, known in SPLITS.items() if plain == known), "")


def vocabulary(document: Mapping[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Tokens by id and the type of each; ids that the model has and the tokenizer does not are unused."""
    known: dict[int, str] = {number: token for token, number in document["model"]["vocab"].items()}
    added = {token["id"]: token for token in document.get("added_tokens", [])}
    known |= {number: token["content"] for number, token in added.items()}
    if known and max(known) >= size:
        raise EngineError(
            "Model",
            f"The tokenizer has the token {max(known)}, but the model only {size} of them.",
            "Use the tokenizer that belongs to this model.",
        )
    tokens, types = [], []
    for number in range(size):
        token = added.get(number)
        tokens.append(known.get(number, f"[PAD{number}]"))
        if number not in known:
            types.append(UNUSED)
        elif token is None:
            types.append(NORMAL)
        else:
            types.append(CONTROL if token.get("special") else USER_DEFINED)
    return tokens, types


def merges(document: Mapping[str, Any]) -> list[str]:
    """Each pair as one text; older files have it so already."""
    return [pair if isinstance(pair, str) else " ".join(pair) for pair in document["model"].get("merges", [])]


def read_document(folder: Path) -> dict[str, Any]:
    """tokenizer.json of a folder that ``tokenizer_refusal`` found right."""
    found: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    return found


def mended(tokenizer: Any, name: str) -> Any:
    """A tokenizer read from a GGUF file, splitting as the name in the file says: transformers leaves that out."""
    from tokenizers import Tokenizer

    document = json.loads(tokenizer.backend_tokenizer.to_str())
    steps = [{**step, "trim_offsets": True} if step["type"] == "ByteLevel" else step for step in SPLITS[name]]
    document["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}
    document["normalizer"] = {"type": "NFC"} if name == "qwen2" else None
    known = Tokenizer.from_str(json.dumps(document))
    tokenizer.backend_tokenizer.pre_tokenizer = known.pre_tokenizer
    if known.normalizer is not None:
        tokenizer.backend_tokenizer.normalizer = known.normalizer
    return tokenizer
