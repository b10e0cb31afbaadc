"""Planted defects of style: each is found on its line, and what merely looks like it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.data.rows import audit_rows, finding, many, qa

LONG = "This is an answer of some length. It has two sentences that end as they should"
PLANTED: dict[str, list[str]] = {
    "refusal_boilerplate": [
        "As an AI language model, I have no opinion.",
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "Unfortunately, I am unable to provide that.",
        "I don't have personal experiences, yet many people like tea.",
    ],
    "template_in_content": [
        "<|im_start|>assistant\nHello<|im_end|>",
        "[INST] What? [/INST] That.",
        "Fine</s>",
        "### Response: yes",
        "Below is an instruction that describes a task. Do it.",
        "Sure<end_of_turn>",
        "Human: hi\nAssistant: hello",
    ],
    "placeholder_text": [
        "I am {{name}}, made by {{ author }}.",
        "Dear [Your Name], hello",
        "Lorem ipsum dolor sit",
        "TODO write this",
        "Call <your number> now",
    ],
    "mojibake": ["It was a cafÃ© in town", "Donâ€™t do it", "20Â° outside", "a \ufffd here", "smile ðŸ˜€"],
    "control_characters": ["a\x07bell", "form\x0cfeed", "escape \x1b[31m red", "next\x85line"],
    "zero_width": ["zero\u200bwidth", "\ufeffstart", "soft\u00adhyphen", "a\u200db"],
    "bidi_override": ["safe \u202e txt.exe", "isolate \u2066 here \u2069"],
    "stale_fact": [
        "As of 2021 there are nine.",
        "The current president is Ann.",
        "See https://example.org/page for it.",
        "As of March 2023, 4.5 %.",
    ],
    "repetition_loop": [
        LONG + ". " + "I like it. " * 12,
        "no " * 30,
        "Well. " + "The cat sat on the mat and looked at me. " * 5,
    ],
    "truncated_answer": [
        LONG + ", and the",
        "Here is code for it, as you asked me to write it:\n```python\nprint(1)\n",
        '{"name": "Ann", "list": [1, 2',
        LONG + ". Then we came to a place where people",
    ],
}
INNOCENT = [
    "I am sorry to hear that your parcel is late.",
    "Artificial intelligence models are trained on text.",
    "a < b and b > c; x[INSTANCE]",
    "Use {name} here",
    "Ünïcödé café naïve “quotes” – dash … 20° ½",
    "می\u200cخواهم",
    "👩\u200d👩\u200d👧",
    "tab\there\r\nand line",
    "עברית and العربية",
    "The president of the club resigned in 1987.",
    "very very nice, ha ha ha",
    "1. One\n2. Two\n3. Three",
    "A list of things that I like, with no end mark, because it is a title",
    "```python\nprint(1)\n```",
    '{"a": 1}',
    "Human rights matter.",
    "Σ Ã is a letter; SÃO PAULO",
    "C:\\path <b>bold</b>",
    "| a | b |\n| a | b |",
    "[1] and [2] are notes",
]


@pytest.mark.parametrize("code", PLANTED)
def test_planted_defects_are_found_on_their_lines(tmp_path: Path, code: str) -> None:
    texts = PLANTED[code]
    rows = [*many(100), *(qa(f"Question {n}?", text) for n, text in enumerate(texts))]
    found = finding(audit_rows(tmp_path, rows), code)
    assert found["lines"] == list(range(101, 101 + len(texts)))
    assert found["measure"]


def test_look_alikes_raise_nothing(tmp_path: Path) -> None:
    rows = [*many(200), *(qa(f"Question {n}?", text) for n, text in enumerate(INNOCENT))]
    document = audit_rows(tmp_path, rows)
    assert {code: finding(document, code)["lines"] for code in PLANTED if finding(document, code)["count"]} == {}


def test_a_file_whose_answers_never_end_with_a_mark_is_not_cut_off(tmp_path: Path) -> None:
    rows = [qa(f"Question {n}?", f"{LONG} number {'x' * n}") for n in range(60)]
    assert finding(audit_rows(tmp_path, rows), "truncated_answer")["count"] == 0


def test_answers_of_another_form_are_named(tmp_path: Path) -> None:
    sound = [qa(f"Ticket {n}?", json.dumps({"kind": "bug", "order": n})) for n in range(60)]
    odd = [
        qa("Ticket a?", "It is a bug."),
        qa("Ticket b?", '{"type": "bug"}'),
        qa("Ticket c?", '{"kind": "bug", "order": 1'),
    ]
    found = finding(audit_rows(tmp_path, [*sound, *odd]), "mixed_answer_formats")
    assert found["lines"] == [61, 62, 63] and found["kinds"] == {"not JSON": 2, "other keys": 1}
    prose = [*many(60), qa("Ticket?", '{"kind": "bug"}')]
    assert finding(audit_rows(tmp_path, prose), "mixed_answer_formats")["count"] == 0
