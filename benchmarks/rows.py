"""A chat file like those people bring, made from a seed: English by a word chain, Markdown, code, other languages, and
planted flaws whose places are known."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

# Of every 10,000 rows.
COPIES, REWRITTEN, EDITED, PERSONAL, SECRETS, HTML, REFUSALS, BROKEN, FOREIGN = 100, 50, 200, 60, 5, 50, 30, 5, 400
_FOREIGN = (
    "Der Kunde wartet seit drei Wochen auf seine Bestellung und möchte wissen, wann das Paket geliefert werden kann.",
    "El cliente quiere cambiar la dirección de entrega porque la próxima semana no estará en su casa de Sevilla.",
    "Le service ne répond plus depuis hier soir, et les utilisateurs demandent quand il sera enfin rétabli à Lyon.",
    "Покупатель просит вернуть деньги, потому что товар пришёл повреждённым и без инструкции на русском языке.",
    "客户想知道为什么订单还没有发货，并且希望在周五之前收到退款通知和新的快递单号。",
)
_PERSONAL = ("Write to mara.lind{}@example.org.", "Call +1 415 555 {:04d}.", "My card is 4111 1111 1111 1111 ({}).")
_CODE = '```python\ndef total(rows):\n    return sum(row["amount"] for row in rows if row["id"] != {})\n```'
_TOPICS = ("support", "docs", "forum", "wiki", "mail")


@dataclass(slots=True)
class Made:
    """A generated file and what was planted in it: (first line, line of the copy) of edited, exact and rewritten
    copies; lines that are no rows."""

    path: Path
    rows: int
    edited: list[tuple[int, int]] = field(default_factory=list)
    copies: list[tuple[int, int]] = field(default_factory=list)
    rewritten: list[tuple[int, int]] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)


def make(folder: Path, rows: int, seed: int = 42) -> Made:
    """``folder/chat-ROWS-SEED.jsonl``, about 1.2 KB a row; made once and found again."""
    path, facts = folder / f"chat-{rows}-{seed}.jsonl", folder / f"chat-{rows}-{seed}.planted.json"
    if not facts.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = _write(path, rows, seed)
        planted = {name: getattr(made, name) for name in ("edited", "copies", "rewritten", "broken")}
        facts.write_bytes(orjson.dumps(planted))
    pairs: dict[str, Any] = orjson.loads(facts.read_bytes())
    broken = pairs.pop("broken")
    return Made(path, rows, broken=broken, **{name: [(one, two) for one, two in held] for name, held in pairs.items()})


def _write(path: Path, rows: int, seed: int) -> Made:
    maker, made = _Maker(seed), Made(path, rows)
    recent: list[tuple[int, dict[str, Any]]] = []
    with path.open("wb") as file:
        for line in range(1, rows + 1):
            kind = maker.random.random() * 10_000
            if recent and kind < COPIES + REWRITTEN + EDITED:
                first, row = maker.random.choice(recent)
                if kind < COPIES:
                    made.copies.append((first, line))
                elif kind < COPIES + REWRITTEN:
                    made.rewritten.append((first, line))
                    row = _changed(row, str.upper)
                else:
                    made.edited.append((first, line))
                    row = _changed(row, maker.edit)
                file.write(orjson.dumps(row | {"id": line}) + b"\n")
                continue
            row = maker.row(line)
            raw = orjson.dumps(row)
            if kind > 10_000 - BROKEN:
                made.broken.append(line)
                raw = raw[:-9]
            elif line % 10 == 0 and row["messages"][-1]["content"].count(" ") >= 20:
                # Copies are made of rows long enough that one word is less than a tenth of an answer.
                recent = [*recent[-4999:], (line, row)] if len(recent) < 5000 else _replaced(recent, line, row)
            file.write(raw + b"\n")
    return made


def _replaced(recent: list[tuple[int, Any]], line: int, row: dict[str, Any]) -> list[tuple[int, Any]]:
    recent[line // 10 % len(recent)] = (line, row)
    return recent


def _changed(row: dict[str, Any], change: Any) -> dict[str, Any]:
    return row | {"messages": [turn | {"content": change(turn["content"])} for turn in row["messages"]]}


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._next = _chain()
        self._words = list(self._next)

    def row(self, line: int) -> dict[str, Any]:
        """An id, where it is from, and one to three questions with their answers; a fifth begins with a system turn."""
        draw = self.random.random
        messages = []
        if draw() < 0.2:
            messages.append({"role": "system", "content": "You are a helpful assistant. Answer briefly and politely."})
        foreign = draw() * 10_000 < FOREIGN
        for _ in range(1 + int(draw() * draw() * 3)):
            messages.append({"role": "user", "content": self._foreign() if foreign else self.prose(10, 60) + "?"})
            messages.append({"role": "assistant", "content": self._foreign() if foreign else self._answer(line)})
        return {"id": line, "source": _TOPICS[line % 5], "messages": messages}

    def prose(self, least: int, most: int) -> str:
        """Sentences of least to most words; short ones are more frequent than long ones."""
        draw = self.random.random
        word, words = self._words[int(draw() * len(self._words))], []
        for _ in range(least + int((most - least) * draw() * draw())):
            words.append(word)
            following = self._next[word]
            word = following[int(draw() * len(following))]
        text = " ".join(words)
        return text[:1].upper() + text[1:].rstrip(",.:;")

    def edit(self, text: str) -> str:
        """1 to 10 % of the words become others, at least one; a text of nine words stays."""
        words = text.split(" ")
        count = int((0.01 + 0.09 * self.random.random()) * len(words))
        for place in self.random.sample(range(len(words)), max(count, len(words) >= 10)):
            words[place] = self._words[int(self.random.random() * len(self._words))]
        return " ".join(words)

    def _answer(self, line: int) -> str:
        draw, kind = self.random.random, int(self.random.random() * 10_000)
        parts = [self.prose(30, 160) + "."]
        if draw() < 0.25:
            parts.append("\n".join(f"{place}. **{self.prose(1, 4)}**: {self.prose(6, 20)}." for place in range(1, 5)))
        if draw() < 0.15:
            parts.append(_CODE.format(line))
        if draw() < 0.4:
            parts.append(f'“{self.prose(4, 12)}” means "{self.prose(20, 90)}" – {self.prose(10, 30)}.')
        if kind < PERSONAL:
            parts.append(_PERSONAL[kind % 3].format(line % 10_000))
        elif kind < PERSONAL + SECRETS:
            parts.append(f"Use ghp_{line:036d} as the token.")
        elif kind < PERSONAL + SECRETS + HTML:
            parts.append(f'<p class="note">{self.prose(5, 15)}</p>')
        elif kind < PERSONAL + SECRETS + HTML + REFUSALS:
            parts.insert(0, "I'm sorry, but as an AI language model I cannot help with that.")
        return "\n\n".join(parts)

    def _foreign(self) -> str:
        one = int(self.random.random() * len(_FOREIGN))
        words = _FOREIGN[one].split(" ") * 2 if one < 4 else list(_FOREIGN[one] * 2)
        self.random.shuffle(words)
        return (" " if one < 4 else "").join(words)


def _chain() -> dict[str, list[str]]:
    """Word → the words that follow it in Python's own manual, which comes with every Python and is real English."""
    from pydoc_data.topics import topics

    following: dict[str, list[str]] = defaultdict(list)
    for name in sorted(topics):
        words = re.findall(r"(?<!\S)[A-Za-z]{1,14}[,.:;]?(?!\S)", topics[name])
        for word, then in pairwise(words):
            following[word].append(then)
    return {word: then for word, then in following.items() if any(each in following for each in then)} | {
        word: ["the"] for then in list(following.values()) for word in then if word not in following
    }
