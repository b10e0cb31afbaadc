"""One GGUF file for llama.cpp and the programs built on it: merged weights, tokenizer and chat template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.adapters.table import ADAPTERS
from engine.export import gguf_layout

if TYPE_CHECKING:
    from engine.export.work import Work

TITLE = "GGUF (llama.cpp, Ollama, LM Studio)"
ABOUT = "One file with weights, tokenizer and chat template. Q8_0 is half the size of F16 and answers nearly the same."
PRECISIONS = (
    ("q8_0", "Q8_0 (8 bits)"),
    ("f16", "F16"),
    ("bf16", "BF16"),
    ("f32", "F32"),
)


def refusal(adapter: str, base: Path) -> str:
    return ADAPTERS[adapter].stays_apart or gguf_layout.refusal(base)


def write(work: Work) -> None:
    from engine.export import gguf_tokens, gguf_writer

    model, tokenizer = work.merged()
    work.tell(f"Writing {filename(work)}")
    about = gguf_writer.About(work.spec.name, work.spec.base_name, str(work.spec.card.get("licence") or ""))
    document = gguf_tokens.read_document(work.spec.base)
    gguf_writer.write(work.out / filename(work), model, tokenizer, document, work.spec.precision, about, work.look)


def filename(work: Work) -> str:
    return f"{work.spec.slug}-{work.spec.precision.upper()}.gguf"


def reopen(folder: Path, base: Path) -> tuple[Any, Any]:
    from engine.export.gguf_writer import read_model, read_tokenizer

    name = next(path.name for path in sorted(folder.glob("*.gguf")))
    return read_model(folder, name), read_tokenizer(folder, name)
