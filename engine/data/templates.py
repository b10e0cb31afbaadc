"""Chat and prompt templates inside a text: taken apart into turns where a whole one stands, else their marks removed.

ChatML, Llama 2 and 3, Zephyr, Gemma, Alpaca and Vicuna; the marks are those that the audit looks for.
"""

from __future__ import annotations

import re

from engine.data.checks.template_in_content import MARKS, OPENINGS

_MARK = re.compile(
    r"<\|im_start\|>[ \t]*(?P<chatml>system|user|assistant|tool)?[ \t]*\n?"
    r"|<\|start_header_id\|>[ \t]*(?P<llama>\w+)?[ \t]*<\|end_header_id\|>\n*"
    r"|<\|(?P<zephyr>system|user|assistant)\|>\n?"
    r"|<start_of_turn>[ \t]*(?P<gemma>system|user|model)?[ \t]*\n?"
    r"|(?P<sys><<SYS>>)|(?P<endsys><</SYS>>)|(?P<inst>(?:<s>\s*)?\[INST\])|(?P<endinst>\[/INST\])"
    r"|^### ?(?P<alpaca>Instruction|Response|Input|Human|Assistant):"
    r"|^(?P<vicuna>Human|Assistant|USER|ASSISTANT):(?: |\Z)"
    r"|<\|(?:im_end|endoftext|end|eot_id|begin_of_text)\|>|</?(?:start_of_turn|end_of_turn)>|</s>"
    r"|Below is an instruction that describes a task(?:, paired with an input that provides further context)?\.?\s*"
    r"(?:Write a response that appropriately completes the request\.?)?",
    re.MULTILINE,
)
_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "instruction": "user",
    "input": "input",
    "assistant": "assistant",
    "model": "assistant",
    "response": "assistant",
    "tool": "tool",
    "ipython": "tool",
}
_BY_GROUP = {"sys": "system", "endsys": "user", "inst": "user", "endinst": "assistant"}
_ROUNDS = 10


def has_marks(text: str) -> bool:
    return any(opening in text for opening in OPENINGS) and MARKS.search(text) is not None


def without_marks(text: str) -> str:
    """The text without any mark; the white space it then begins or ends with goes too."""
    for _ in range(_ROUNDS):
        if not has_marks(text):
            return text
        text = MARKS.sub("", _MARK.sub("", text)).strip()
    return text


def turns_of(text: str) -> list[tuple[str, str]] | None:
    """(role, text) of the turns, when the text is a whole template: it begins with a mark that names a speaker. An
    answer left open at the end is no turn. None otherwise."""
    turns: list[tuple[str, str]] = []
    role, start = "", 0
    for match in _MARK.finditer(text):
        if not _take(turns, role, text[start : match.start()]):
            return None
        role, start = _speaker(match) or role, match.end()
    if not role or not _take(turns, role, text[start:]):
        return None
    if any(has_marks(said) for _, said in turns):
        return None
    return turns or None


def _speaker(match: re.Match[str]) -> str:
    name, group = match.lastgroup, match[match.lastgroup] if match.lastgroup else ""
    return _BY_GROUP.get(name or "") or _ROLES.get(group.lower(), "")


def _take(turns: list[tuple[str, str]], role: str, said: str) -> bool:
    """Adds what was said; False when somebody said it whom no mark names."""
    said = said.strip()
    if not said:
        return True
    if not role:
        return False
    if role == "input":  # Alpaca's second part of the question
        role = "user"
    if turns and turns[-1][0] == role:
        turns[-1] = (role, f"{turns[-1][1]}\n{said}")
    else:
        turns.append((role, said))
    return True
