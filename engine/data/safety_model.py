"""A text-classification model of the user's own as a judge of rows: a folder that transformers can load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import EngineError

# Labels that mean "nothing wrong"; every other label of the model is a kind of harm.
HARMLESS = frozenset(
    (
        "safe", "neutral", "none", "ok", "okay", "clean", "benign", "harmless", "normal", "acceptable", "appropriate",
        "negative", "non_toxic", "not_toxic", "nontoxic", "non_hate", "nothate", "not_hate", "no_hate",
        "non_offensive", "not_offensive", "sfw", "label_0", "0", "false", "no",
    )
)  # fmt: skip
BATCH, MOST_TOKENS = 16, 512


class SafetyModel:
    """``judge(texts)`` gives for each text its likeliest harmful label and the chance of it, 0 to 1.

    A model whose labels exclude each other is read by softmax, one with several at once (problem_type
    multi_label_classification) by sigmoid. Texts are cut at 512 tokens. Raises EngineError (Model) when the folder
    holds no such model, or none of its labels means harm.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model: Any = AutoModelForSequenceClassification.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError, KeyError, ImportError) as error:
            found = (
                f"{folder.name} could not be read as a text-classification model: {str(error).splitlines()[0][:160]}"
            )
            raise EngineError("Model", found, "Choose a folder with such a model and its tokenizer.") from error
        labels: dict[int, str] = self._model.config.id2label
        self._harm = {place: name for place, name in labels.items() if not is_harmless(name)}
        if not self._harm or len(self._harm) == len(labels):
            found = f"Which labels of {folder.name} mean harm is not clear: {', '.join(labels.values())[:160]}."
            raise EngineError("Model", found, "Name the harmless one “safe” (id2label in its config.json).")
        self._several = self._model.config.problem_type == "multi_label_classification"
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
            self._model.config.pad_token_id = self._tokenizer.pad_token_id

    def judge(self, texts: list[str]) -> Iterator[tuple[str, float]]:
        import torch

        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            inputs = self._tokenizer(part, truncation=True, max_length=MOST_TOKENS, padding=True, return_tensors="pt")
            with torch.inference_mode():
                logits = self._model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
            chances = torch.sigmoid(logits) if self._several else torch.softmax(logits, dim=-1)
            for row in chances.tolist():
                place = max(self._harm, key=lambda each: row[each])
                yield self._harm[place], row[place]


def is_harmless(label: str) -> bool:
    return label.strip().lower().replace("-", "_").replace(" ", "_") in HARMLESS
