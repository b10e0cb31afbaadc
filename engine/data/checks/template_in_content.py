"""Marks of a chat template, or a whole prompt template, inside the text."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "template_in_content",
        "Template marks in the text",
        "repair",
        "The trainer adds its own template: the model then sees two, learns the wrong one, and writes its marks.",
        "Take the marks out and put each turn into its own message.",
    ),
)
MARKS = re.compile(
    r"<\|(?:im_start|im_end|endoftext|system|user|assistant|end|eot_id|begin_of_text|start_header_id|end_header_id)\|>"
    r"|\[/?INST\]|<</?SYS>>|</?(?:start_of_turn|end_of_turn)>|<(?:start|end)_of_turn>|</s>(?=[\s\x1e\x1f\[]|$)"
    r"|Below is an instruction that describes a task"
    r"|(?:^|(?<=\x1f))### ?(?:Instruction|Response|Input|Human|Assistant):"
    r"|(?:^|(?<=\x1f))(?:Human|Assistant|USER|ASSISTANT): ",
    re.MULTILINE,
)
OPENINGS = ("<|", "INST]", "<<SYS", "_of_turn>", "s>", "###", "Below is an", "Human: ", "Assistant: ", "ASSISTANT: ")
GATE = (
    r"<\|(?:im_start|im_end|endoftext|system|user|assistant|end|eot_id|begin_of_text|start_header_id|end_header_id)\|>"
    r"|\[/?INST\]|<</?SYS>>|(?:start|end)_of_turn>|</s>|Below is an instruction that describes a task"
    r"|### ?(?:Instruction|Response|Input|Human|Assistant):|(?:Human|Assistant|USER|ASSISTANT): "
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        text = f"{seen.prompt}\n{seen.answer}"
        if any(opening in text for opening in OPENINGS):
            match = MARKS.search(text)
            if match:
                book.flag("template_in_content", seen.number, seen.line, f"“{match[0].strip()}”")


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("template_in_content"):
        book.finding("template_in_content").extra |= {
            "measure": "marks of ChatML, Llama, Gemma, Alpaca and Vicuna templates",
            "cannot_see": "marks of templates of your own",
        }
