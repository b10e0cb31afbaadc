from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.data.examples import load
from engine.data.tokens import TokenCounter
from engine.errors import EngineError
from tests.engine.data.rows import audit_rows, chat, finding, many, qa


def test_lengths_are_those_of_the_models_own_template(tmp_path: Path, tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    rows = [
        qa("Hello there", "General"),
        chat(("system", "S"), ("user", "U"), ("assistant", "A")),
        {"text": "raw text"},
    ]
    document = audit_rows(tmp_path, rows, model=tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(str(tiny_model))
    expected = [
        len(tokenizer.apply_chat_template(list(item.example.messages), tokenize=True)["input_ids"])
        if item.example.messages
        else len(tokenizer("raw text", add_special_tokens=False)["input_ids"])
        for item in load(tmp_path / "rows.jsonl")
    ]
    assert TokenCounter(tiny_model).count([item.example for item in load(tmp_path / "rows.jsonl")]) == expected
    assert document["tokens"]["total"] == sum(expected) and document["tokens"]["max"] == max(expected)


def test_a_preference_row_is_as_long_as_its_longer_side(tmp_path: Path, tiny_model: Path) -> None:
    row = {"prompt": "Q", "chosen": "short", "rejected": "a far longer answer than the other one"}
    swapped = {"prompt": "Q", "chosen": row["rejected"], "rejected": row["chosen"]}
    document = audit_rows(tmp_path, [row, swapped], model=tiny_model)
    assert document["tokens"]["min"] == document["tokens"]["max"]


def test_cut_rows_and_lost_answers_are_told_apart(tmp_path: Path, tiny_model: Path) -> None:
    rows = [*many(20), qa("Short?", "long " * 200), qa("long " * 200, "Short."), {"text": "raw " * 300}]
    document = audit_rows(tmp_path, rows, model=tiny_model, cutoff_len=300)
    assert finding(document, "over_cutoff")["lines"] == [21, 22, 23]
    assert finding(document, "no_supervised_tokens")["lines"] == [22]
    tokens = document["tokens"]
    assert tokens["over_cutoff"] == 3 and tokens["share_over_cutoff"] == pytest.approx(3 / 23)
    assert sum(tokens["histogram"]["counts"]) == 23 and len(tokens["histogram"]["counts"]) <= 60
    assert len(tokens["histogram"]["edges"]) == len(tokens["histogram"]["counts"]) + 1


def talk(chance: random.Random) -> dict[str, Any]:
    """A conversation of one to three exchanges of very unequal lengths, some answers of weight 0."""
    turns: list[dict[str, Any]] = [{"role": "system", "content": words(chance)}] if chance.random() < 0.2 else []
    for _ in range(chance.randint(1, 3)):
        turns.append({"role": "user", "content": words(chance)})
        turns.append({"role": "assistant", "content": words(chance)})
        if chance.random() < 0.4:
            turns[-1]["weight"] = chance.choice((0, 0, 1, 1.0))
    return {"messages": turns}


def words(chance: random.Random) -> str:
    return " ".join(chance.choices(("one", "two\n", "three,", "“four”", "5"), k=chance.choice((2, 5, 20, 60))))


def judged(chance: random.Random) -> dict[str, Any]:
    turns = [turn for turn in talk(chance)["messages"] if turn["role"] != "system"]
    if chance.random() < 0.5:
        return {"messages": turns, "label": chance.random() < 0.5}
    answers = {name: {"role": "assistant", "content": words(chance) + name} for name in ("chosen", "rejected")}
    return {"prompt": turns[:-1], **answers}


THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and not loop.last %}{{ m.content | replace('o', '') }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.mark.parametrize("model", ["tiny", "starter", "thinking"])
def test_the_rows_without_an_answer_left_are_those_that_training_leaves_out(
    tmp_path: Path, model: str, request: pytest.FixtureRequest
) -> None:
    from engine.training.encoding import encode_rows
    from engine.training.judged import encode_pairs, encode_thumbs
    from engine.training.loading import load_tokenizer

    folder: Path = request.getfixturevalue("starter_model" if model == "starter" else "tiny_model")
    if model == "thinking":
        folder = Path(shutil.copytree(folder, tmp_path / "model"))
        (folder / "chat_template.jinja").write_text(THINKING)
    chance, cutoff = random.Random(3), 100 if model == "starter" else 200
    rows = [(talk if place < 200 else judged)(chance) for place in range(300)]
    document = audit_rows(tmp_path, rows, model=folder, cutoff_len=cutoff)
    tokenizer = load_tokenizer(folder)
    left_out: list[int] = []
    for loaded in load(tmp_path / "rows.jsonl"):
        pair = [(loaded.line, loaded.example)]
        if loaded.example.rejected is not None:
            left_out += encode_pairs(pair, tokenizer, cutoff).unsupervised
        elif loaded.example.label is not None:
            left_out += encode_thumbs(pair, tokenizer, cutoff).unsupervised
        else:
            left_out += encode_rows(pair, tokenizer, cutoff_len=cutoff, answers_only=True).unsupervised
    found = finding(document, "no_supervised_tokens")
    assert found["lines"] == left_out
    assert 30 < found["count"] < 250 and set(found["kinds"]) == {"cut off", "weight 0"}


def test_answers_of_weight_0_alone_are_named_without_a_model(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "weight": 0}]
    again = [{"role": "user", "content": "R"}, {"role": "assistant", "content": "B", "weight": 1}]
    rows = [*many(20), {"messages": turns}, {"messages": turns + again}, {"messages": turns[:1] + again[1:]}]
    document = audit_rows(tmp_path, rows)
    assert finding(document, "no_supervised_tokens")["lines"] == [21]
    # The same words, trained or not, are two rows.
    rows = [{"messages": turns}, {"messages": [turns[0], {"role": "assistant", "content": "A"}]}]
    assert finding(audit_rows(tmp_path, rows), "exact_duplicate")["count"] == 0


def test_a_weight_between_0_and_1_is_refused(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "weight": 0.5}]}
    document = audit_rows(tmp_path, [*many(20), row])
    assert finding(document, "wrong_type")["lines"] == [21]


def test_a_template_that_fails_is_reported_and_stops_nothing(tmp_path: Path, tiny_model: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    (copy / "chat_template.jinja").write_text("{{ raise_exception('only user and assistant') }}")
    tokens = audit_rows(tmp_path, many(3), model=copy)["tokens"]
    assert tokens["template_failures"] == 3 and "only user" in tokens["template_failure"] and tokens["min"] > 0


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_a_folder_without_a_tokenizer_is_a_model_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(EngineError) as caught:
        TokenCounter(tmp_path)
    assert caught.value.reason == "Model" and caught.value.remedy


def test_the_fast_count_is_the_slow_one(tiny_model: Path) -> None:
    from tokenizers import Tokenizer

    from engine.data import fast_tokens

    exact = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    texts = [
        "",
        "a  5",
        "don't  12 34\n\n\n 5",
        "naïve “quotes” – 中文 🎉",
        "Chapter \u2167 and\x0cpage",
        "<|im_start|>user",
    ]

    def slow(texts: list[str], special: bool) -> list[int]:
        return [len(exact.encode(text, add_special_tokens=special)) for text in texts]

    checked = fast_tokens.Checked(slow, str(tiny_model / "tokenizer.json"))
    checked.encode(["words " * place for place in range(fast_tokens.CHECKED)], False)
    assert checked.encode(texts, False) == slow(texts, False)


def test_a_fast_count_that_differs_once_is_not_used_again(tiny_model: Path) -> None:
    from engine.data import fast_tokens

    def other(texts: list[str], special: bool) -> list[int]:
        return [len(text) + 7 for text in texts]

    checked = fast_tokens.Checked(other, str(tiny_model / "tokenizer.json"))
    assert checked.encode(["one two"] * fast_tokens.CHECKED, False) == [14] * fast_tokens.CHECKED
    assert checked.encode(["one two"], False) == [14]


PLAIN = "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] + eos_token }}{% endfor %}"
NOT_PLAIN = (
    "{% for m in messages %}{{ m['content'] | trim }}{% endfor %}",
    "{% for m in messages %}{% if 'x' in m.content %}x{% endif %}{{ m['content'] }}{% endfor %}",
    "{% set s = messages[0]['content'] %}{{ s }}",
    "{% for m in messages %}{{ m }}{% endfor %}",
    "{% for m in messages %}{{ m['content'].split('</think>')[-1] }}{% endfor %}",
    "{% for m in messages %}{{ m[m['role']] }}{{ m['content'] }}{% endfor %}",
)


def test_templates_that_only_write_contents_are_filled_in_without_running_them() -> None:
    from jinja2 import Template

    from engine.data.frames import Frames, only_writes_content

    runs = []

    def render(messages: list[dict[str, object]], tools: object, ask: bool) -> str:
        runs.append(len(messages))
        return Template(PLAIN).render(messages=messages, eos_token="</s>")

    assert only_writes_content(PLAIN) and not any(only_writes_content(template) for template in NOT_PLAIN)
    frames = Frames(PLAIN, render)
    for word in ("one", "{{ two }}", "\ue000\n0"):
        turns = [{"role": "user", "content": word}, {"role": "assistant", "content": f"{word}!"}]
        assert frames.fill(turns, None, False) == f"<user>{word}</s><assistant>{word}!</s>"
    assert runs == [2]
