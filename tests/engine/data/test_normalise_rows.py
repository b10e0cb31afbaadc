"""Text in one spelling: Unicode, invisible characters, broken encodings, marks of templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.repairs import settings_of
from engine.data.repairs.normalise import normalised
from tests.engine.data.repairing import found_after, repaired
from tests.engine.data.rows import chat, qa

NORMALISE: dict[str, Any] = {"op": "normalise"}
DEFAULTS = settings_of(NORMALISE)
ALPACA = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\nAdd them.\n\n### Input:\n2 and 3\n\n### Response:"
)
CHATML = (
    "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"
)
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
ANSWERED = {"role": "assistant", "content": "Hello"}


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("zero_width", "zero\u200bwidth\u00ad and \ufeffmark", "zerowidth and mark"),
        ("bidi_override", "a\u202eb\u2066c", "abc"),
        ("control_characters", "bell\x07 escape\x1b[0m\x85 tab\tstays\n", "bell escape[0m tab\tstays\n"),
        ("mojibake", "cafÃ© â€œquotedâ€\u009d and donâ€™t Â© ðŸ˜€", "café “quoted” and don’t © 😀"),
        ("template_in_content", "Say <|im_start|>hello</s> now<|eot_id|>", "Say hello</s> now"),
    ],
)
def test_the_finding_is_gone(tmp_path: Path, code: str, before: str, after: str) -> None:
    rows, result = repaired(tmp_path, [qa(f"Q {before}", f"A {before} Z"), qa("Clean?", "Yes.")], NORMALISE)
    assert result["changed"] == {"normalise": 1}
    if code != "template_in_content":
        assert rows[0]["completion"] == f"A {after} Z"
    assert code not in found_after(tmp_path)


def test_unicode_is_composed_and_folded_only_when_asked() -> None:
    assert normalised(qa("e\u0301 ﬁ", "\u200be\u200b\u0301"), DEFAULTS) == qa("é ﬁ", "é")
    assert normalised(qa("e\u0301 ﬁ", "x"), DEFAULTS | {"unicode": "NFKC"}) == qa("é fi", "x")
    assert normalised(qa("e\u0301", "x"), DEFAULTS | {"unicode": None}) == qa("e\u0301", "x")


def test_joiners_of_emoji_and_scripts_stay() -> None:
    row = qa("👩\u200d💻 and می\u200cخواهم", "क्\u200dष")
    assert normalised(row, DEFAULTS) == row


def test_what_cannot_be_mended_stays() -> None:
    assert normalised(qa("lost \ufffd here", "x"), DEFAULTS) == qa("lost \ufffd here", "x")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (qa(ALPACA, "5"), qa("Add them.\n2 and 3", "5")),
        ({"instruction": ALPACA, "output": "### Response:\n5"}, {"instruction": "Add them.\n2 and 3", "output": "5"}),
        (chat(("user", ALPACA), ("assistant", "5")), chat(("user", "Add them.\n2 and 3"), ("assistant", "5"))),
        ({"text": CHATML, "id": 4}, {"messages": [*ASKED, ANSWERED], "id": 4}),
        (qa(CHATML.replace("Hello<|im_end|>\n", ""), "Hello"), {"prompt": ASKED, "completion": "Hello"}),
        (
            {"text": "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello </s><s>[INST] More [/INST] Yes </s>"},
            {"messages": [*ASKED, ANSWERED, *chat(("user", "More"), ("assistant", "Yes"))["messages"]]},
        ),
        (
            {"text": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
             "<|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>"},
            {"messages": [ASKED[1], ANSWERED]},
        ),
        ({"text": "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>"},
         {"messages": [ASKED[1], ANSWERED]}),
        ({"text": "### Human: Hi\n### Assistant: Hello"}, {"messages": [ASKED[1], ANSWERED]}),
        ({"prompt": "Human: Hi\nAssistant:", "chosen": "Assistant: Hello", "rejected": "No"},
         {"prompt": "Hi", "chosen": "Hello", "rejected": "No"}),
        ({"conversations": [{"from": "human", "value": "Human: Hi"}, {"from": "gpt", "value": "Hello</s>"}]},
         {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}),
        ({"text": "Some prose that quotes <|im_end|> once."}, {"text": "Some prose that quotes  once."}),
    ],
)  # fmt: skip
def test_a_whole_template_becomes_turns(tmp_path: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    rows, _ = repaired(tmp_path, [before], NORMALISE)
    assert rows == [after]
    assert "template_in_content" not in found_after(tmp_path)


SIGNS = ("é", "e\u0301", "\u200b", "\u200d", "\u202e", "\x07", "\x1f", "Ã©", "â€œ", "Ã", "Â", "\ufffd", "ﬁ", "\\u200b")
CHAT = ("<|im_start|>user\n", "<|im_start|>assistant\n", "<|im_end|>", "<|im_", "start|>", "Human: ", "Assistant: ")
LLAMA = ("[INST]", "[/INST]", "</s>", "### Response:", "Below is an instruction")
PIECES = st.sampled_from((*SIGNS, *CHAT, *LLAMA, "a", " ", "\n", '{"a": "', '"}'))
TEXT = st.lists(PIECES, min_size=1, max_size=10).map("".join)


@settings(max_examples=400, deadline=None)
@given(TEXT, TEXT, st.sampled_from(["qa", "chat", "text"]))
def test_a_second_time_changes_nothing(question: str, answer: str, shape: str) -> None:
    rows = {
        "qa": qa(question, answer),
        "chat": chat(("user", question), ("assistant", answer)),
        "text": {"text": answer},
    }
    once = normalised(rows[shape], DEFAULTS)
    assert normalised(once, DEFAULTS) == once
