"""Probing: batched and head-sparing, yet the same figures as the plainest loop."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model

from engine.evaluation.choices import Question, choice_span, score_questions
from engine.evaluation.likelihood import LOST, span_likelihoods, split_head
from engine.evaluation.packing import Span, pack
from engine.evaluation.precision import measuring
from engine.evaluation.probing import (
    Passage,
    ProbeQuestion,
    Suite,
    SuiteError,
    change,
    load_suite,
    score_suite,
)

SUITE = Suite(
    "small",
    (
        Passage("p1", "nature", "The quick brown fox jumps over the lazy dog."),
        Passage("p2", "nature", "The river bank is near."),
        Passage("p3", "work", "billing and shipping and returns, yes or no; the sky is blue"),
    ),
    (
        ProbeQuestion("q1", "nature", "What colour is the sky?", ("blue", "a lazy dog", "red"), 0),
        ProbeQuestion("q2", "work", "Which is a department?", ("billing", "fox"), 0),
        ProbeQuestion("q3", "work", "Yes?", ("no", "yes", "green", "the river bank"), 1),
    ),
)


def naive_log_probs(model: Any, ids: list[int]) -> list[float]:
    """One sequence, all logits, no tricks: log-probability of each token after the first."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0].double()
    table = torch.log_softmax(logits, -1)
    return [float(table[i, ids[i + 1]]) for i in range(len(ids) - 1)]


def test_it_gives_the_loss_of_a_plain_loop(tiny: Any, tokenizer: Any) -> None:
    loss = score_suite(tiny, tokenizer, SUITE, batch_size=2)[0]
    rows = {p.id: naive_log_probs(tiny, tokenizer(p.text)["input_ids"]) for p in SUITE.passages}
    every = [value for row in rows.values() for value in row]
    assert loss.measure == "loss"
    assert loss.score == pytest.approx(-sum(every) / len(every), rel=1e-5)
    assert loss.items["p2"] == pytest.approx(-sum(rows["p2"]) / len(rows["p2"]), rel=1e-5)
    work = rows["p3"]
    assert loss.domains["work"] == {"score": pytest.approx(-sum(work) / len(work), rel=1e-5), "n": 1}


def test_it_gives_the_accuracy_of_a_plain_loop(tiny: Any, tokenizer: Any) -> None:
    accuracy = score_suite(tiny, tokenizer, SUITE, batch_size=3)[1]
    right, right_norm = [], []
    for q in SUITE.questions:
        context = f"Question: {q.question}\nAnswer:"
        totals = []
        for choice in q.choices:
            ids = tokenizer(context + " " + choice)["input_ids"]
            totals.append(sum(naive_log_probs(tiny, ids)[len(tokenizer(context)["input_ids"]) - 1 :]))
        right.append(totals.index(max(totals)) == q.answer)
        norm = [t / len(c) for t, c in zip(totals, q.choices, strict=True)]
        right_norm.append(norm.index(max(norm)) == q.answer)
    assert (accuracy.measure, accuracy.n) == ("accuracy", 3)
    assert accuracy.score == pytest.approx(sum(right) / 3)
    assert accuracy.normalised == pytest.approx(sum(right_norm) / 3)
    assert accuracy.items == {q.id: float(r) for q, r in zip(SUITE.questions, right, strict=True)}


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_it_scores_choices_alike_in_any_batch(tiny: Any, tokenizer: Any, batch_size: int) -> None:
    questions = [Question(f"Question: {q.question}\nAnswer:", q.choices, q.answer) for q in SUITE.questions]
    with measuring(tiny):
        found = score_questions(tiny, tokenizer, questions, batch_size=batch_size)
    for question, scored in zip(questions, found, strict=True):
        for choice, total in zip(question.choices, scored.log_likelihoods, strict=True):
            span = choice_span(tokenizer, question.query, " " + choice, 256)
            plain = sum(naive_log_probs(tiny, list(span.ids))[span.start - 1 :])
            assert total == pytest.approx(plain, rel=1e-4)


def test_it_measures_bf16_weights_in_fp32_and_gives_them_back(tiny: Any, tokenizer: Any) -> None:
    narrow = tiny.to(torch.bfloat16)
    before = {name: (p, p.data_ptr(), p.detach().clone()) for name, p in narrow.named_parameters()}
    loss = score_suite(narrow, tokenizer, SUITE)[0]
    for name, parameter in narrow.named_parameters():
        same, pointer, values = before[name]
        assert parameter is same and parameter.data_ptr() == pointer
        assert torch.equal(parameter, values)
    ids = [tokenizer(p.text)["input_ids"] for p in SUITE.passages]
    every = [value for row in ids for value in naive_log_probs(narrow.float(), row)]
    assert loss.precision == "float32"
    assert loss.score == pytest.approx(-sum(every) / len(every), rel=1e-5)


@pytest.mark.parametrize("variant", [{}, {"use_dora": True}, {"lora_bias": True}])
def test_it_folds_an_adapter_into_the_widened_copy_and_leaves_no_trace(
    tiny: Any, tokenizer: Any, variant: dict[str, bool]
) -> None:
    model = get_peft_model(
        tiny.to(torch.bfloat16), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", **variant)
    )
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.nn.init.normal_(parameter.data.float(), std=0.2)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    ids = torch.tensor([tokenizer("The quick brown fox")["input_ids"]])
    with measuring(model):
        plain = model(input_ids=ids).logits
    with measuring(model, fold=True):
        folded = model(input_ids=ids).logits
        inside = any(getattr(module, "merged_adapters", None) for module in model.modules())
    assert torch.allclose(plain, folded, rtol=1e-4, atol=1e-4)
    assert inside is not bool(variant)
    assert not any(getattr(module, "merged_adapters", None) for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.named_parameters())


def test_it_leaves_each_module_in_its_mode_even_when_stopped(tiny: Any, tokenizer: Any) -> None:
    tiny.train()
    tiny.model.layers[0].eval()
    modes = [m.training for m in tiny.modules()]

    def stop(done: int, total: int) -> None:
        raise InterruptedError(f"{done}/{total}")

    with pytest.raises(InterruptedError):
        score_suite(tiny, tokenizer, SUITE, on_progress=stop)
    assert [m.training for m in tiny.modules()] == modes
    assert torch.is_grad_enabled()


def test_it_is_deaf_to_an_outer_autocast(tiny: Any, tokenizer: Any) -> None:
    plain = score_suite(tiny, tokenizer, SUITE)[0].score
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert score_suite(tiny, tokenizer, SUITE)[0].score == plain


def test_it_scores_through_a_lora_adapter(tiny: Any, tokenizer: Any) -> None:
    model = get_peft_model(tiny, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    scored = score_suite(model, tokenizer, SUITE)[0].score
    every = [v for p in SUITE.passages for v in naive_log_probs(model, tokenizer(p.text)["input_ids"])]
    with model.disable_adapter():
        base = score_suite(model, tokenizer, SUITE)[0].score
    assert split_head(model, [5, 6, 7]) is not None
    assert scored == pytest.approx(-sum(every) / len(every), rel=1e-5)
    assert abs(scored - base) > 0.01


def test_it_scores_through_prompt_tuning(tiny: Any, tokenizer: Any) -> None:
    model = get_peft_model(tiny, PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"))
    ids = tokenizer("The quick brown fox")["input_ids"]
    with measuring(model):
        found = span_likelihoods(model, [[Span(tuple(ids), 1), Span(tuple(ids[:3]), 2)]])[0]
    with torch.no_grad():
        table = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0, 3:], -1)
    plain = [float(table[i, ids[i + 1]]) for i in range(len(ids) - 1)]
    assert found[0].tokens == pytest.approx(plain, rel=1e-4)
    assert found[1].tokens == pytest.approx(plain[1:2], rel=1e-4)


def test_it_reads_a_scaled_head_from_the_whole_model(tiny: Any) -> None:
    head = tiny.lm_head
    assert split_head(tiny, [5, 6, 7]) is not None
    forward = tiny.forward

    def scaled(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        output.logits = output.logits * 0.5
        return output

    tiny.forward = scaled
    assert tiny.lm_head is head and split_head(tiny, [5, 6, 7]) is None


def test_it_says_greedy_only_for_the_models_first_choice(tiny: Any, tokenizer: Any) -> None:
    ids = tokenizer("The quick")["input_ids"]
    with torch.no_grad():
        best = int(tiny(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
    other = (best + 1) % len(tokenizer)
    with measuring(tiny):
        found = span_likelihoods(tiny, [[Span((*ids, best), len(ids)), Span((*ids, other), len(ids))]])[0]
    assert [f.greedy for f in found] == [True, False]


def test_it_stays_finite_on_a_destroyed_model(tiny: Any, tokenizer: Any) -> None:
    with torch.no_grad():
        tiny.model.norm.weight.fill_(math.nan)
    loss, accuracy = score_suite(tiny, tokenizer, SUITE)
    assert loss.score == -LOST
    assert 0 <= accuracy.score <= 1


def test_it_moves_blanks_to_the_choice_and_begins_an_empty_context(tokenizer: Any) -> None:
    whole = tokenizer("Answer: blue")["input_ids"]
    assert choice_span(tokenizer, "Answer: ", "blue", 256) == choice_span(tokenizer, "Answer:", " blue", 256)
    assert choice_span(tokenizer, "Answer:", " blue", 256).ids == tuple(whole)
    empty = choice_span(tokenizer, "", "blue", 256)
    assert empty.ids[0] == tokenizer.eos_token_id and empty.start == 1


def test_it_cuts_a_long_context_on_its_left(tokenizer: Any) -> None:
    full = choice_span(tokenizer, "fox " * 50 + "dog", " blue", 1000)
    cut = choice_span(tokenizer, "fox " * 50 + "dog", " blue", 10)
    assert len(cut.ids) == 11 and cut.ids == full.ids[-11:]
    assert cut.ids[cut.start :] == full.ids[full.start :]


@pytest.mark.parametrize(
    ("baseline", "score", "measure", "expected"),
    [
        (3.10, 3.41, "loss", -0.1),
        (3.10, 2.79, "loss", 0.1),
        (0.5, 0.45, "accuracy", -0.1),
        (0.5, 0.55, "accuracy", 0.1),
        (0.0, 0.25, "accuracy", 0.25),
        (0.0, 0.0, "accuracy", 0.0),
    ],
)
def test_it_signs_a_change_so_that_forgetting_is_negative(
    baseline: float, score: float, measure: str, expected: float
) -> None:
    assert change(baseline, score, measure) == pytest.approx(expected)


def test_it_refuses_an_unknown_measure() -> None:
    with pytest.raises(KeyError):
        change(1.0, 1.0, "perplexity")


def test_it_loads_the_general_suite() -> None:
    suite = load_suite("general")
    assert len(suite.passages) >= 60 and len(suite.questions) >= 60
    assert len({p.domain for p in suite.passages}) >= 4


@pytest.mark.parametrize("name", ["../general", "nothing", "", "a/b"])
def test_it_refuses_a_suite_that_is_not_there(name: str) -> None:
    with pytest.raises(SuiteError) as error:
        load_suite(name)
    assert "general" in error.value.remedy


def test_it_names_the_line_of_a_broken_row(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    good = {"id": "a", "domain": "d", "question": "?", "choices": ["x", "y"], "answer": 1}
    rows = [good, {**good, "answer": 2}]
    (folder / "questions.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    with pytest.raises(SuiteError, match=r"questions\.jsonl line 2"):
        load_suite("broken", tmp_path)


def test_it_packs_choices_behind_one_prompt() -> None:
    packed = pack([Span((1, 2, 3, 7, 8), 3), Span((1, 2, 3, 9), 3), Span((1, 2, 4, 5, 6), 4)])
    # Tokens 1 and 2 are shared; 3 7 of the first, 3 of the second and 4 5 of the third follow in their own branches.
    assert packed.ids == (1, 2, 3, 7, 3, 4, 5)
    assert packed.positions == (0, 1, 2, 3, 2, 2, 3)
    assert packed.branch == (-1, -1, 0, 0, 1, 2, 2)
    assert packed.targets == (7, 8, 9, 6)
    assert packed.reads == (2, 3, 4, 6)
    assert packed.sizes == (2, 1, 1)


def test_it_scores_packed_choices_as_each_alone(tiny: Any) -> None:
    groups = [
        [Span((5, 6, 7, 8), 2), Span((5, 6, 9), 2), Span((5, 6, 10, 11, 12), 2)],
        [Span((50, 60, 70), 1), Span((51, 60), 1)],  # nothing shared
        [Span((7, 8, 9, 10), 3)],
    ]
    lengths: list[int] = []
    forward = tiny.model.forward

    def counting(*args: Any, **kwargs: Any) -> Any:
        lengths.append(kwargs["input_ids"].numel())
        return forward(*args, **kwargs)

    tiny.model.forward = counting
    with measuring(tiny):
        found = span_likelihoods(tiny, groups, batch_size=16)
    assert lengths[-1] == 3 * 5  # three rows as long as 5 6 | 7 | (nothing) | 10 11, not six rows
    for group, scored in zip(groups, found, strict=True):
        for span, likelihood in zip(group, scored, strict=True):
            plain = naive_log_probs(tiny, list(span.ids))[span.start - 1 :]
            assert likelihood.tokens == pytest.approx(plain, rel=1e-4)
