"""A model's tokenizer and chat template without transformers: what a page needs to show what a run would train.

It writes what transformers' own fast tokenizer writes (a test holds it to that); folders it cannot read so are refused.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from engine.errors import EngineError

_PLAIN_CLASSES = ("TokenizersBackend", "PreTrainedTokenizerFast")
"""These classes are their tokenizer.json and nothing else; others may put words of their own around it."""
_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


class LightTokenizer:
    """As much of a transformers tokenizer as encoding rows asks for. Nothing of the folder is run but its template, in
    jinja's sandbox."""

    def __init__(self, folder: Path) -> None:
        """Raises EngineError("Model") for a folder whose tokenizer needs transformers, or has no chat template."""
        try:
            config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            if config.get("tokenizer_class") not in _PLAIN_CLASSES:
                raise ValueError(f"{config.get('tokenizer_class')} needs its own code")
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._template = _compile(_template_of(folder, config))
        except Exception as error:  # the tokenizers library raises bare Exception on a bad file
            text = f"The tokenizer of {folder.name} cannot be read here: {str(error)[:200]}"
            raise EngineError("Model", text, "The run itself reads it with transformers.") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._special = {name: _token(config[name]) for name in _SPECIAL if config.get(name)}
        end = self._special.get("eos_token")
        self.eos_token_id: int | None = self._tokenizer.token_to_id(end) if end else None

    def __call__(self, text: str, *, add_special_tokens: bool = True, **_: Any) -> dict[str, Any]:
        found = self._tokenizer.encode(text, add_special_tokens=add_special_tokens)
        return {"input_ids": found.ids, "offset_mapping": found.offsets}

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=False)

    def get_vocab(self) -> dict[str, int]:
        return self._tokenizer.get_vocab(with_added_tokens=True)

    def apply_chat_template(
        self, messages: list[Any], *, tools: Any = None, add_generation_prompt: bool = False, **_: Any
    ) -> str:
        """Raises what the template raises."""
        return self._template.render(
            messages=messages, tools=tools, documents=None, add_generation_prompt=add_generation_prompt, **self._special
        )


@functools.lru_cache(maxsize=4)
def _read(folder: Path, _changed: float) -> LightTokenizer:
    return LightTokenizer(folder)


def light_tokenizer(folder: Path) -> LightTokenizer:
    """The same, remembered until its file changes. Raises EngineError("Model")."""
    path = folder / "tokenizer.json"
    return _read(folder, path.stat().st_mtime if path.is_file() else 0.0)


def same_tokens(one: Path, other: Path) -> bool | None:
    """Whether two models write the same tokens, as a distillation needs; None where that cannot be told here."""
    try:
        return light_tokenizer(one).get_vocab() == light_tokenizer(other).get_vocab()
    except EngineError:
        return None


def _template_of(folder: Path, config: dict[str, Any]) -> str:
    file = folder / "chat_template.jinja"
    template = file.read_text(encoding="utf-8") if file.exists() else config.get("chat_template")
    if isinstance(template, list):  # several by name, as older configurations have them
        template = next((entry["template"] for entry in template if entry.get("name") == "default"), None)
    if not template:
        raise ValueError("it has no chat template")
    return str(template)


def _token(value: Any) -> str:
    return str(value["content"] if isinstance(value, dict) else value)


class _Generation(Extension):
    """Templates may mark what the assistant says with a tag of transformers' own; here it only lets it through."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _compile(template: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)  # as transformers has it
    return environment.from_string(template)


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **more: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **more)


def _refuse(message: str) -> None:
    raise TemplateError(message)
