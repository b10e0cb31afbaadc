"""Every public set is either read, with the counts that a few independent lines give, or refused with a sentence."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.browse import open_audit
from engine.data.errors import FileRefused
from engine.data.examples import load
from engine.data.records import Reader
from tests.engine.data.rows import finding

Row = dict[str, Any]


def filled(*columns: str) -> Callable[[Row], bool]:
    return lambda row: all(isinstance(row.get(column), str) and row[column].strip() for column in columns)


def has(*columns: str) -> Callable[[Row], bool]:
    return lambda row: all(column in row for column in columns)


# file → (shape, which rows can be used, by eye and by hand)
READ: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "axolotl/alpaca.json": ("alpaca", filled("instruction", "output")),
    "banking77/test.csv": ("classification", filled("text", "category")),
    "banking77/train.csv": ("classification", filled("text", "category")),
    "dstc8_slots/Buses_1__test.json": ("slots", has("userInput")),
    "dstc8_slots/Buses_1__train_0.json": ("slots", has("userInput")),
    "dstc8_slots/Events_1__test.json": ("slots", has("userInput")),
    "dstc8_slots/Events_1__train_0.json": ("slots", has("userInput")),
    "dstc8_slots/Homes_1__test.json": ("slots", has("userInput")),
    "dstc8_slots/Homes_1__train_0.json": ("slots", has("userInput")),
    "fastchat/dummy_conversation.json": ("sharegpt", has("conversations")),
    "llamafactory/alpaca_en_demo.json": ("alpaca", filled("instruction", "output")),
    "llamafactory/c4_demo.jsonl": ("text", filled("text")),
    "llamafactory/dpo_en_demo.json": ("preference", has("conversations", "chosen", "rejected")),
    "llamafactory/glaive_toolcall_en_demo.json": ("sharegpt", has("conversations", "tools")),
    "llamafactory/identity.json": ("alpaca", filled("instruction", "output")),
    "llamafactory/kto_en_demo.json": ("kto", has("messages", "label")),
    "llamafactory/reason_tool_use_demo_50.jsonl": ("messages", has("messages", "tools")),
    "llamafactory/v1_dpo_demo.jsonl": ("preference", has("chosen_messages", "rejected_messages")),
    "llamafactory/v1_sft_demo.jsonl": ("messages", has("messages")),
    "llamafactory/wiki_demo.txt": ("text", filled("text")),
    "llm_decontaminator/rephrase/humaneval_python.jsonl": ("text", filled("text")),
    "llm_decontaminator/test/HumanEval.jsonl": ("text", filled("text")),
    "llmfoundry_eval/arc_easy.jsonl": ("evaluation", has("query", "choices", "gold")),
    "llmfoundry_eval/boolq.jsonl": ("evaluation", has("query", "choices", "gold")),
    "llmfoundry_eval/commonsense_qa.jsonl": ("evaluation", has("query", "choices", "gold")),
    "llmfoundry_eval/lambada_openai.jsonl": ("evaluation", filled("context", "continuation")),
    "llmfoundry_eval/lambada_openai_small.jsonl": ("evaluation", filled("context", "continuation")),
    "llmfoundry_eval/openbook_qa.jsonl": ("evaluation", has("query", "choices", "gold")),
    "llmfoundry_eval/piqa.jsonl": ("evaluation", has("query", "choices", "gold")),
    "llmfoundry_eval/simple_arithmetic_nospaces.jsonl": ("evaluation", filled("context", "continuation")),
    "llmfoundry_eval/simple_arithmetic_withspaces.jsonl": ("evaluation", filled("context", "continuation")),
    "llmfoundry_eval/siqa.jsonl": ("evaluation", has("query", "choices", "gold")),
    "llmfoundry_eval/svamp.jsonl": ("prompt_completion", filled("context", "answer")),
    "llmfoundry_eval/winograd_wsc.jsonl": ("evaluation", has("context_options", "gold")),
    "llmfoundry_eval/winogrande.jsonl": ("evaluation", has("context_options", "gold")),
    "llmfoundry_sft/finetune_example__train.jsonl": ("evaluation", has("query", "choices", "gold")),
    "torchtune/chat_tiny.json": ("sharegpt", has("conversations")),
    "torchtune/instruct_tiny.json": ("prompt_completion", filled("instruction", "response")),
    "xstest/xstest_v2_completions_gpt4.csv": ("prompt_completion", filled("prompt", "completion")),
    "xstest/xstest_v2_completions_mistralinstruct.csv": ("prompt_completion", filled("prompt", "completion")),
}
# file → words of the sentence with which its rows, or the whole of it, are refused
# file → exact copies beyond the first, counted by the whole row
SURPLUS = {
    "llamafactory/alpaca_en_demo.json": 14,
    "llamafactory/dpo_en_demo.json": 5,
    "llamafactory/glaive_toolcall_en_demo.json": 35,
}
UNUSABLE = {
    "banking77/categories.json": "a string, not an object",
    "do_not_answer/discrimination_exclusion_toxicity_hateful_offensive.jsonl": "'prompt' but no answer",
    "do_not_answer/human_chatbox.jsonl": "'prompt' but no answer",
    "do_not_answer/information_hazard.jsonl": "'prompt' but no answer",
    "do_not_answer/malicious_uses.jsonl": "'prompt' but no answer",
    "do_not_answer/misinformation_harms.jsonl": "'prompt' but no answer",
    "fastchat/judge_prompts.jsonl": "'prompt_template'",
    "fastchat/mt_bench__question.jsonl": "'turns'",
    "fastchat/mt_bench__reference_answer__gpt-4.jsonl": "'choices' holds a list",
    "fastchat/vicuna_bench__question.jsonl": "'turns'",
    "fastchat/vicuna_bench__reference_answer__gpt-4.jsonl": "'choices' holds a list",
    "ifeval/input_data.jsonl": "'prompt' but no answer",
    "llm_decontaminator/database/CodeAlpacaDB.jsonl": "'test'",
    "xstest/xstest_prompts.csv": "'prompt' but no answer",
}
REFUSED = {
    "README.md": "No line",
    "axolotl/conversation.json": "spread over many lines",
    "axolotl/conversation.missingturns.json": "spread over many lines",
    "llmfoundry_eval/tasks_v0.3.yaml": "No line",
}


def spans(row: Row) -> dict[str, Any]:
    """The marked values cut by hand; of a slot that is marked twice a list."""
    found: dict[str, Any] = {}
    for label in row.get("labels", []):
        span = label["valueSpan"]
        value = row["userInput"]["text"][span.get("startIndex", 0) : span["endIndex"]]
        slot = label["slot"]
        earlier = found.get(slot)
        found[slot] = value if earlier is None else [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return found


def chosen_of(row: Row) -> list[Any]:
    """Question and answer of an evaluation row, and what else was offered."""
    if "query" in row:
        return [row["query"], row["choices"][row["gold"]], row["choices"]]
    if "context_options" in row:
        return [row["context_options"][row["gold"]], row["continuation"], row["context_options"]]
    return [row["context"], row["continuation"]]


def said(turns: list[Row]) -> list[Any]:
    """What each turn says, and who; JSON inside (calls, results) as it stands."""
    return [[turn.get("from", turn.get("role")), turn.get("value", turn.get("content")), turn.get("tool_calls")]
            for turn in turns]  # fmt: skip


def tools(row: Row) -> Any:
    held = row.get("tools")
    return json.loads(held) if isinstance(held, str) and held else held or None


# shape → what is trained on of a row, as plain lists and texts
TRAINED: dict[str, Callable[[Row], Any]] = {
    "alpaca": lambda row: [row["instruction"], row.get("input", ""), row["output"], row.get("system")],
    "classification": lambda row: [row["text"], row["category"]],
    "slots": lambda row: [row["userInput"]["text"], spans(row)],
    "sharegpt": lambda row: [said(row["conversations"]), tools(row), row.get("system")],
    "messages": lambda row: [said(row["messages"]), tools(row)],
    "kto": lambda row: [said(row["messages"]), row["label"]],
    "text": lambda row: row["text"],
    "evaluation": chosen_of,
    "prompt_completion": lambda row: [row.get("prompt", row.get("context")), row.get("response", row.get("answer"))],
    "preference": lambda row: [
        *(said(row[name]) if isinstance(row.get(name), list) else row.get(name)
          for name in ("conversations", "prompt")),
        *(said(turns if isinstance(turns, list) else [turns])
          for name in ("chosen", "rejected", "chosen_messages", "rejected_messages") if (turns := row.get(name))),
    ],
}  # fmt: skip


def plain(text: str) -> str:
    """The documented measure, letter by letter: NFKC, case, punctuation and white space; a sign before a number stays,
    and so does a mark within one."""
    text = unicodedata.normalize("NFKC", text).casefold()
    kept = []
    for place, char in enumerate(text):
        following = text[place + 1 : place + 3]
        number = following[:1].isdecimal() or (following[:1].isspace() and following[1:].isdecimal())
        sign = char in "-+*/%<>=^" and number
        inside = char in ".,:" and following[:1].isdecimal() and place > 0 and text[place - 1].isdecimal()
        kept.append(char if char.isalnum() or unicodedata.category(char)[0] == "M" or sign or inside else " ")
    return " ".join("".join(kept).split())


def changed(value: Any, change: Callable[[str], str]) -> Any:
    """``value`` with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): changed(item, change) for key, item in value.items()}
    return [changed(item, change) for item in value] if isinstance(value, list) else value


def surplus(texts: Iterable[str]) -> int:
    return sum(count - 1 for count in Counter(texts).values())


def rows_of(path: Path) -> list[Row]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return list(json.loads(text))
    lines = [line for line in text.split("\n") if line.strip()]
    return [{"text": line} for line in lines] if path.suffix == ".txt" else [json.loads(line) for line in lines]


def test_every_file_has_a_row_here(public_data: Path) -> None:
    there = {str(path.relative_to(public_data)) for path in public_data.rglob("*") if path.is_file()}
    assert there == {*READ, *UNUSABLE, *REFUSED}


@pytest.mark.parametrize("file", READ)
def test_it_is_read_with_the_counts_of_an_independent_look(public_data: Path, tmp_path: Path, file: str) -> None:
    shape, usable = READ[file]
    rows = rows_of(public_data / file)
    document = audit(AuditRequest(public_data / file), tmp_path / "audit")
    counts = document["rows"]
    assert document["format"] == shape
    assert counts["usable"] == sum(map(usable, rows))
    assert counts["usable"] + counts["unusable"] == len(rows)
    trained = [TRAINED[shape](row) for row in rows if usable(row)]
    assert finding(document, "exact_duplicate").get("surplus", 0) == surplus(map(json.dumps, trained))
    # Of exact copies one takes part in the other finding.
    distinct = {json.dumps(each): json.dumps(changed(each, plain)) for each in trained}
    assert finding(document, "normalised_duplicate").get("surplus", 0) == surplus(distinct.values())
    if file in SURPLUS:
        assert surplus(map(json.dumps, trained)) == SURPLUS[file]
    unusable = {number for number, row in enumerate(rows, start=1) if not usable(row)}
    if unusable:
        assert set(finding(document, "empty_answer")["lines"]) == unusable


@pytest.mark.parametrize("file", UNUSABLE)
def test_its_rows_are_refused_and_what_was_found_is_named(public_data: Path, tmp_path: Path, file: str) -> None:
    reader = Reader(public_data / file)
    plain = tmp_path / "rows"
    plain.write_bytes(reader.path.read_bytes())
    document = audit(AuditRequest(plain), tmp_path / "audit")
    assert document["rows"]["usable"] == 0
    assert document["rows"]["unusable"] == len(rows_of(public_data / file))
    with open_audit(plain, tmp_path / "audit") as view:
        first = view.page(limit=1).rows[0]
    assert first.problem is not None
    assert UNUSABLE[file] in first.problem.found
    assert first.problem.remedy


@pytest.mark.parametrize("file", REFUSED)
def test_it_is_refused_as_a_whole(public_data: Path, tmp_path: Path, file: str) -> None:
    with pytest.raises(FileRefused) as caught:
        audit(AuditRequest(public_data / file), tmp_path / "audit")
    assert REFUSED[file] in caught.value.found
    assert caught.value.remedy


def test_slots_agree_with_the_spans_cut_by_hand(public_data: Path) -> None:
    path = public_data / "dstc8_slots" / "Homes_1__train_0.json"
    for row, loaded in zip(rows_of(path), load(path), strict=True):
        assert json.loads(loaded.example.answer) == spans(row)
