"""Which tokens are trained: the answers and their end, in the model's own chat template, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.data.example import Example
from engine.errors import EngineError
from engine.training.encoding import IGNORED, Encoded, encode, encode_rows
from engine.training.loading import load_tokenizer

TALK = (
    {"role": "user", "content": "What is red?"},
    {"role": "assistant", "content": "A rose."},
    {"role": "user", "content": "And blue?"},
    {"role": "assistant", "content": "The sea."},
)


@pytest.fixture
def tokenizer(tiny_model: Path) -> Any:
    return load_tokenizer(tiny_model)


def trained_text(tokenizer: Any, row: Encoded) -> str:
    return str(tokenizer.decode([label for label in row.labels if label != IGNORED]))


def test_it_trains_every_assistant_turn_and_its_end(tokenizer: Any) -> None:
    row, whole = encode(Example("messages", TALK), tokenizer, answers_only=True)
    assert trained_text(tokenizer, row) == "A rose.<|im_end|>\nThe sea.<|im_end|>"
    assert whole
    assert all(label in (IGNORED, token) for token, label in zip(row.input_ids, row.labels, strict=True))


def test_it_keeps_the_starter_models_own_system_prompt_untrained(starter_model: Path) -> None:
    tokenizer = load_tokenizer(starter_model)
    row, _ = encode(Example("messages", TALK[:2]), tokenizer, answers_only=True)
    assert "You are a helpful AI assistant named SmolLM" in tokenizer.decode(row.input_ids)
    assert trained_text(tokenizer, row) == "A rose.<|im_end|>"
    prompt = tokenizer.apply_chat_template([TALK[0]], add_generation_prompt=True, tokenize=True, return_dict=False)
    assert row.input_ids[: len(prompt)] == prompt
    assert row.labels[: len(prompt)] == [IGNORED] * len(prompt)


def test_it_trains_all_tokens_when_asked(tokenizer: Any) -> None:
    row, _ = encode(Example("messages", TALK), tokenizer, answers_only=False)
    ends = len(row.labels) - row.labels[::-1].index(tokenizer.eos_token_id)
    assert row.labels[:ends] == row.input_ids[:ends]


def test_it_trains_the_last_answer_where_a_template_rewrites_earlier_ones(tokenizer: Any) -> None:
    # As reasoning models do: thoughts are shown in the last turn only.
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{% if m.role == 'assistant' and not loop.last %}{{ m.content.split('</think>')[-1] }}"
        "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    thinking = tuple(
        {**turn, "content": f"<think>Hm.</think>{turn['content']}"} if turn["role"] == "assistant" else turn
        for turn in TALK
    )
    row, whole = encode(Example("messages", thinking), tokenizer, answers_only=True)
    assert trained_text(tokenizer, row) == "<think>Hm.</think>The sea.<|im_end|>"
    assert not whole


def weighed(*weights: int | None) -> Example:
    """TALK with these weights on its answers."""
    left = list(weights)
    turns = [
        {**turn, "weight": weight} if turn["role"] == "assistant" and (weight := left.pop(0)) is not None else turn
        for turn in TALK
    ]
    return Example("messages", tuple(turns))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((0, 1), "The sea.<|im_end|>"),
        ((0, None), "The sea.<|im_end|>"),
        ((1, 0), "A rose.<|im_end|>"),
        ((0, 0), ""),
        ((1, 1), "A rose.<|im_end|>\nThe sea.<|im_end|>"),
    ],
)
def test_it_reads_an_answer_of_weight_0_and_does_not_train_it(
    tokenizer: Any, weights: tuple[int | None, ...], expected: str
) -> None:
    plain, _ = encode(Example("messages", TALK), tokenizer, answers_only=True)
    row, whole = encode(weighed(*weights), tokenizer, answers_only=True)
    assert trained_text(tokenizer, row) == expected and whole
    # What follows the last trained answer is not even read.
    assert row.input_ids == plain.input_ids[: len(row.input_ids)]
    assert (len(row.input_ids) == len(plain.input_ids)) == (weights != (1, 0))
    rows = encode_rows([(4, weighed(*weights))], tokenizer, cutoff_len=256, answers_only=True)
    assert rows.unsupervised == ([] if expected else [4])


def test_it_does_not_train_an_answer_of_weight_0_when_all_tokens_are_trained(tokenizer: Any) -> None:
    row, _ = encode(weighed(0, 1), tokenizer, answers_only=False)
    text = trained_text(tokenizer, row)
    assert "A rose." not in text and "The sea." in text and "And blue?" in text and "What is red?" in text


def test_it_leaves_out_a_judged_answer_of_weight_0(tokenizer: Any) -> None:
    from engine.training.judged import encode_pairs, encode_thumbs

    talk = weighed(None, 0).messages
    pair = Example("preference", talk, chosen="The sea.", rejected="Grass.")
    assert encode_pairs([(2, pair)], tokenizer, 256).unsupervised == [2]
    assert encode_thumbs([(3, Example("kto", talk, label=True))], tokenizer, 256).unsupervised == [3]
    earlier = Example("kto", weighed(0, 1).messages, label=True)
    assert len(encode_thumbs([(3, earlier)], tokenizer, 256).encoded) == 1


def test_it_ends_the_answer_where_a_template_forgets_to(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    row, _ = encode(Example("messages", TALK[:2]), tokenizer, answers_only=True)
    assert trained_text(tokenizer, row) == "A rose.\n<|im_end|>"


def test_it_trains_no_token_of_a_prompt_that_says_what_the_answer_says(tokenizer: Any) -> None:
    talk = ({"role": "user", "content": "Yes."}, {"role": "assistant", "content": "Yes."})
    row, _ = encode(Example("messages", talk), tokenizer, answers_only=True)
    assert trained_text(tokenizer, row) == "Yes.<|im_end|>"
    assert row.labels[-2] == tokenizer.eos_token_id


def test_it_cuts_at_the_cutoff_and_leaves_out_what_has_no_answer_left(tokenizer: Any) -> None:
    long = ({"role": "user", "content": "word " * 50}, {"role": "assistant", "content": "No."})
    rows = encode_rows(
        [(3, Example("messages", TALK)), (9, Example("messages", long))], tokenizer, cutoff_len=64, answers_only=True
    )
    assert (rows.cut, rows.unsupervised) == ([3, 9], [9])
    assert [len(row.input_ids) for row in rows.encoded] == [64]


def test_it_takes_raw_text_only_when_all_tokens_are_trained(tokenizer: Any) -> None:
    text = Example("text", text="A line of text.")
    row, _ = encode(text, tokenizer, answers_only=False)
    assert row.labels == row.input_ids and row.input_ids[-1] == tokenizer.eos_token_id
    with pytest.raises(EngineError) as caught:
        encode_rows([(5, text)], tokenizer, cutoff_len=64, answers_only=True)
    assert caught.value.text.startswith("Line 5:")
    assert "answers only" in caught.value.remedy


def test_it_names_the_line_a_template_refuses(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ raise_exception('Conversation roles must alternate') }}"
    with pytest.raises(EngineError) as caught:
        encode_rows([(7, Example("messages", TALK))], tokenizer, cutoff_len=64, answers_only=True)
    assert caught.value.text.startswith("Line 7:") and "must alternate" in caught.value.text


def test_it_refuses_a_model_without_a_chat_template(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "base"
    shutil.copytree(tiny_model, folder, ignore=shutil.ignore_patterns("chat_template.jinja"))
    with pytest.raises(EngineError) as caught:
        load_tokenizer(folder)
    assert caught.value.reason == "Model" and "chat template" in caught.value.text
