from __future__ import annotations

from pathlib import Path

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


def test_a_template_that_fails_is_reported_and_stops_nothing(tmp_path: Path, tiny_model: Path) -> None:
    import shutil

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
