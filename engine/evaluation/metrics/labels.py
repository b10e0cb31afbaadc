"""Which label an answer names. Shared by accuracy and macro F1; the labels are the references that occur."""

from __future__ import annotations

from functools import lru_cache

from engine.evaluation.metrics.reading import holds, normalised

UNKNOWN = ""
"""What an answer that names no label, or more than one, is taken for."""


def named_label(text: str, labels: tuple[str, ...]) -> str:
    """The label the text is, else the only one it holds as whole words, else UNKNOWN. Answer and labels are
    normalised.

    A label that is part of a longer one that also stands there ("card" in "lost card") is not counted.
    """
    answer = normalised(text)
    known = normalised_labels(labels)
    if answer in known:
        return answer
    held = [label for label in known if holds(answer, label)]
    outer = [label for label in held if not any(label != other and holds(other, label) for other in held)]
    return outer[0] if len(outer) == 1 else UNKNOWN


@lru_cache(maxsize=32)
def normalised_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normalised(label) for label in labels))
