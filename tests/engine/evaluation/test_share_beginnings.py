"""What rows begin with is read once: choices that begin alike, and what stands in front of every row of a file."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import PromptTuningConfig, get_peft_model
from transformers import MistralConfig, MistralForCausalLM

from engine.evaluation.likelihood import Likelihood, span_likelihoods
from engine.evaluation.packing import Span, pack
from engine.evaluation.precision import measuring

SHOWN = tuple(range(5, 29))
"""What stands in front of every row, in tokens."""
GROUPS = [
    [Span((*SHOWN, 30 + n, 40, 41, 42 + n % 3), 26), Span((*SHOWN, 30 + n, 40, 50), 26), Span((*SHOWN, 30 + n, 51), 25)]
    for n in range(12)
]


def plain(model: Any, span: Span, before: int = 0) -> list[float]:
    """One sequence, all logits, no tricks."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([span.ids])).logits[0, before:]
    table = torch.log_softmax(logits.double(), -1)
    return [float(table[place - 1, span.ids[place]]) for place in range(span.start, len(span.ids))]


def check(model: Any, groups: list[list[Span]], found: list[list[Likelihood]], before: int = 0) -> None:
    for group, scored in zip(groups, found, strict=True):
        for span, likelihood in zip(group, scored, strict=True):
            assert likelihood.tokens == pytest.approx(plain(model, span, before), rel=1e-4)


def read(model: Any, groups: list[list[Span]], **options: Any) -> tuple[list[list[Likelihood]], list[torch.Size]]:
    """The answers, and the shape of each batch that the model was given."""
    shapes: list[torch.Size] = []
    forward = model.model.forward

    def listening(*args: Any, **kwargs: Any) -> Any:
        shapes.append(kwargs["input_ids"].shape)
        return forward(*args, **kwargs)

    model.model.forward = listening
    with measuring(model):
        found = span_likelihoods(model, groups, **options)
    del model.model.forward
    return found, shapes


def test_it_reads_once_what_choices_begin_with_alike() -> None:
    alike = pack([Span((5, 6, 7, 8, 9), 2), Span((5, 6, 7, 8, 10, 11), 2)])
    assert alike.ids == (5, 6, 7, 8, 10) and alike.targets == (7, 8, 9, 7, 8, 10, 11)
    assert pack([Span((5, 6, 7), 2), Span((5, 6, 7, 8), 2)]).ids == (5, 6, 7)
    assert pack([Span((5, 6, 7), 2), Span((5, 6, 7), 2)]).ids == (5, 6)


def test_it_scores_choices_that_begin_alike_as_each_alone(tiny: Any) -> None:
    groups = [
        [Span((5, 6, 7, 8, 9), 2), Span((5, 6, 7, 8, 10, 11), 2), Span((5, 6, 7, 8), 2)],
        [Span((5, 6, 7), 2), Span((5, 6, 7), 2)],
        [Span((50, 6, 7), 1), Span((51, 6, 7), 1)],
    ]
    found, shapes = read(tiny, groups)
    assert shapes[-1] == (3, 6)  # 5 6 7 | 8 | 8 10 |
    check(tiny, groups, found)


def test_it_reads_once_what_all_rows_begin_with(tiny: Any) -> None:
    found, shapes = read(tiny, GROUPS, batch_size=18)
    check(tiny, GROUPS, found)
    assert shapes[-2:] == [(6, 4), (6, 4)], "six rows a batch, and of each the four tokens that are its own"
    assert (1, len(SHOWN)) in shapes


def test_it_reads_once_what_lone_rows_of_any_length_begin_with(tiny: Any) -> None:
    groups = [[Span((*SHOWN, *range(30, 32 + n % 5), 60), 25 + n % 2)] for n in range(40)]
    found, shapes = read(tiny, groups, batch_size=8)
    check(tiny, groups, found)
    assert all(shape[1] <= 7 for shape in shapes[-5:])


def test_it_reads_all_of_each_row_where_nothing_is_to_gain(tiny: Any) -> None:
    few = GROUPS[:4]
    found, shapes = read(tiny, few)
    check(tiny, few, found)
    assert shapes[-1][1] == len(SHOWN) + 4
    scored_early = [*GROUPS, [Span((*SHOWN, 30), 3)]]
    found, shapes = read(tiny, scored_early)
    check(tiny, scored_early, found)


def test_it_scores_behind_learned_vectors_as_each_alone(tiny: Any) -> None:
    model = get_peft_model(tiny, PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"))
    with measuring(model):
        found = span_likelihoods(model, GROUPS)
        check(model, GROUPS, found, before=3)


def test_it_leaves_a_window_of_attention_to_the_model() -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128}
    model = MistralForCausalLM(MistralConfig(**sizes, **heads, sliding_window=8)).eval()
    with measuring(model):
        found = span_likelihoods(model, GROUPS)
    check(model, GROUPS, found)
