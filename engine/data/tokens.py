"""Token lengths with the model's own tokenizer and chat template. The only part of the data engine that loads
transformers, and only when a model was named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.data.example import Example, Message
from engine.errors import EngineError


class TokenCounter:
    """Counts what training will see: the whole chat template, tools and special tokens included.

    Raises EngineError (Model) when the folder holds no tokenizer that can be loaded.
    """

    def __init__(self, model_dir: Path) -> None:
        from transformers import AutoTokenizer  # seconds to import: only here, only when asked

        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(
                str(model_dir), local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            text = f"No tokenizer could be loaded from {model_dir.name}: {str(error)[:200]}"
            raise EngineError("Model", text, "Choose a model folder that has its tokenizer files.") from None
        self.has_template = bool(self.tokenizer.chat_template)
        self.template_failures = 0
        self.first_failure = ""

    def count(self, examples: list[Example]) -> list[int]:
        """Tokens of each example; of a preference row, those of its longer side."""
        lengths = self._lengths([self._render(example.messages, example) for example in examples])
        both = [place for place, example in enumerate(examples) if example.rejected is not None]
        if both:
            sides = [examples[place] for place in both]
            others = self._lengths([self._render(_with_rejected(side), side) for side in sides])
            for place, length in zip(both, others, strict=True):
                lengths[place] = max(lengths[place], length)
        return lengths

    def count_prompts(self, examples: list[Example]) -> list[int]:
        """Tokens of each example before its answer begins (0 for raw text, where every token is trained)."""
        rendered = [
            self._render(example.prompt_messages, example, True) if example.messages else "" for example in examples
        ]
        return self._lengths(rendered)

    def _render(self, messages: tuple[Message, ...], example: Example, ask: bool = False) -> str:
        if example.text is not None and not messages:
            return example.text
        if self.has_template:
            try:
                return str(
                    self.tokenizer.apply_chat_template(
                        list(messages), tools=example.tools, tokenize=False, add_generation_prompt=ask
                    )
                )
            except Exception as error:  # noqa: BLE001 - a template is a program of the model's maker: it may raise anything
                self.template_failures += 1
                self.first_failure = self.first_failure or f"{type(error).__name__}: {error}"[:200]
        return "\n".join(str(message["content"]) for message in messages)

    def _lengths(self, texts: list[str]) -> list[int]:
        if not texts:
            return []
        # The template writes the special tokens itself.
        encoded = self.tokenizer(
            texts, add_special_tokens=not self.has_template, return_attention_mask=False, verbose=False
        )
        return [len(ids) for ids in encoded["input_ids"]]


def _with_rejected(example: Example) -> tuple[Message, ...]:
    return (*example.prompt_messages, {"role": "assistant", "content": example.rejected or ""})
