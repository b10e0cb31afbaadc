"""Token lengths with the model's own tokenizer and chat template. The only part of the data engine that loads
transformers, and only when a model was named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.data.example import Example, Message
from engine.data.fast_tokens import Checked
from engine.data.frames import Frames
from engine.data.spans import answer_spans, is_trained, read_turns
from engine.errors import EngineError

# These classes are their tokenizer.json and nothing else. Reading that file ourselves leaves torch out of the
# audit's process (400 MB and seconds of import); any other class is loaded by transformers.
_PLAIN_CLASSES = ("TokenizersBackend", "PreTrainedTokenizerFast")
_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")

Render = Callable[[list[Message], list[Any] | None, bool], str]


class TokenCounter:
    """Counts what training will see: the whole chat template, tools and special tokens included.

    Raises EngineError (Model) when the folder holds no tokenizer that can be loaded.
    """

    def __init__(self, model_dir: Path) -> None:
        self._render: Render | None
        try:
            config = _config(model_dir)
            if config.get("tokenizer_class") in _PLAIN_CLASSES and (model_dir / "tokenizer.json").exists():
                self._encode, self._render = _plain(model_dir, config)
            else:
                self._encode, self._render = _by_transformers(model_dir)
        except Exception as error:  # noqa: BLE001 - the tokenizers library raises bare Exception on a bad file
            text = f"No tokenizer could be loaded from {model_dir.name}: {str(error)[:200]}"
            raise EngineError("Model", text, "Choose a model folder that has its tokenizer files.") from None
        self.has_template = self._render is not None
        self.template_failures = 0
        self.first_failure = ""

    def count(self, examples: list[Example]) -> list[int]:
        """Tokens of each example; of a preference row, those of its longer side."""
        lengths = self._encode(
            [self._text(tuple(read_turns(example.messages)), example) for example in examples], not self.has_template
        )
        both = [place for place, example in enumerate(examples) if example.rejected is not None]
        others = [self._text(_with_rejected(examples[place]), examples[place]) for place in both]
        for place, length in zip(both, self._encode(others, not self.has_template), strict=True):
            lengths[place] = max(lengths[place], length)
        return lengths

    def count_prompts(self, examples: list[Example]) -> list[int]:
        """Tokens of each example before the first that is trained: all of them where none is (every answer has weight
        0), 0 for raw text, where every token is. Of a conversation all answers are trained, of a preference and a thumb
        the last one."""
        texts = [self._untrained(example) if example.messages else "" for example in examples]
        return self._encode(texts, not self.has_template)

    def _untrained(self, example: Example) -> str:
        """The rendered conversation up to its first trained turn."""
        judged = example.rejected is not None or example.label is not None
        messages = list(example.messages[: example.answer_index + 1] if judged else read_turns(example.messages))
        trained = [place for place, message in enumerate(messages) if is_trained(message)]
        if judged:
            trained = [place for place in trained if place == len(messages) - 1]
        if not trained:
            return self._text(example.messages, example)
        if (render := self._render) is not None:
            try:
                full = render(messages, example.tools, False)
                spans, _ = answer_spans(messages, full, lambda turns, ask: render(list(turns), example.tools, ask))
                return full[: spans[-1 if judged else 0][0]] if spans else full
            except Exception as error:  # noqa: BLE001 - as in _text
                self._fail(error)
        return "\n".join(str(message["content"]) for message in messages[: trained[0]])

    def take_failures(self) -> tuple[int, str]:
        """How often the template failed since this was last asked, and how it first did."""
        taken, self.template_failures = (self.template_failures, self.first_failure), 0
        return taken

    def add_failures(self, count: int, first: str) -> None:
        self.template_failures += count
        self.first_failure = self.first_failure or first

    def _text(self, messages: tuple[Message, ...], example: Example, ask: bool = False) -> str:
        if not messages:
            return example.text or ""
        if self._render is not None:
            try:
                return self._render(list(messages), example.tools, ask)
            except Exception as error:  # noqa: BLE001 - a template is a program by the model's maker: anything may come
                self._fail(error)
        return "\n".join(str(message["content"]) for message in messages)

    def _fail(self, error: Exception) -> None:
        self.template_failures += 1
        self.first_failure = self.first_failure or f"{type(error).__name__}: {error}"[:200]


def _config(model_dir: Path) -> dict[str, Any]:
    path = model_dir / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return config if isinstance(config, dict) else {}


def _plain(model_dir: Path, config: dict[str, Any]) -> tuple[Callable[[list[str], bool], list[int]], Render | None]:
    from tokenizers import Tokenizer
    from transformers.utils.chat_template_utils import render_jinja_template

    file = str(model_dir / "tokenizer.json")
    encode = Checked(_fast(Tokenizer.from_file(file)), file).encode
    template_file = model_dir / "chat_template.jinja"
    template = template_file.read_text(encoding="utf-8") if template_file.exists() else config.get("chat_template")
    if isinstance(template, list):  # several by name, as older configurations have them
        template = next((entry["template"] for entry in template if entry.get("name") == "default"), None)
    if not template:
        return encode, None
    special = {name: _token(config[name]) for name in _SPECIAL if config.get(name)}

    def render(messages: list[Message], tools: list[Any] | None, ask: bool) -> str:
        rendered, _ = render_jinja_template(
            [messages], tools=tools, chat_template=template, add_generation_prompt=ask, **special
        )
        return str(rendered[0])

    return encode, Frames(template, render).fill


def _by_transformers(model_dir: Path) -> tuple[Callable[[list[str], bool], list[int]], Render | None]:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(str(model_dir), local_files_only=True, trust_remote_code=False)
    backend = getattr(tokenizer, "backend_tokenizer", None)

    def slow(texts: list[str], add_special: bool) -> list[int]:
        return [len(tokenizer(text, add_special_tokens=add_special)["input_ids"]) for text in texts]

    def render(messages: list[Message], tools: list[Any] | None, ask: bool) -> str:
        return str(tokenizer.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=ask))

    return _fast(backend) if backend is not None else slow, render if tokenizer.chat_template else None


def _fast(backend: Any) -> Callable[[list[str], bool], list[int]]:
    backend.no_truncation()
    backend.no_padding()

    def encode(texts: list[str], add_special: bool) -> list[int]:
        return [len(encoding) for encoding in backend.encode_batch_fast(texts, add_special_tokens=add_special)]

    return encode


def _token(value: Any) -> str:
    return str(value["content"] if isinstance(value, dict) else value)


def _with_rejected(example: Example) -> tuple[Message, ...]:
    return (*example.prompt_messages, {"role": "assistant", "content": example.rejected or ""})
