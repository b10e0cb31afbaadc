"""Several processes and gates make an audit faster and nothing else: the same findings, the same rows."""

from __future__ import annotations

import re
import sqlite3
from itertools import product
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.rows import make
from engine.data import gates, mask, personal, postal, secrets, shards
from engine.data.audit import AuditRequest, audit
from engine.data.checks import (
    CHECKS,
    Options,
    bidi_override,
    control_characters,
    html_markup,
    load,
    mixed_instruction_styles,
    mojibake,
    placeholder_text,
    refusal_boilerplate,
    stale_fact,
    template_in_content,
    zero_width,
)
from engine.data.gates import Gates
from engine.data.gather import Gatherer
from engine.data.shingles import run_hashes, word_hashes, words_of
from engine.data.similar import runs, units

# check → the patterns by which it finds something
PATTERNS: dict[str, list[re.Pattern[str]]] = {
    "bidi_override": [bidi_override.OVERRIDE],
    "control_characters": [control_characters.CONTROL],
    "html_markup": [html_markup._TAG],
    "mojibake": [mojibake.BROKEN],
    "placeholder_text": [placeholder_text._PLACEHOLDER],
    "refusal_boilerplate": [refusal_boilerplate.REFUSAL],
    "stale_fact": [stale_fact._DATED, stale_fact._YEAR, stale_fact._LINK],
    "template_in_content": [template_in_content.MARKS],
    "mixed_instruction_styles": [mixed_instruction_styles._HEADED],
    "zero_width": [zero_width.INVISIBLE],
    "pii_email": [mask.EMAIL],
    "secret": [secrets._BY_FORM, secrets.ANNOUNCED, *secrets._FORM_OF.values()],
    "personal_data": [
        *(personal._IBAN, personal._CARD, personal._SSN, personal._IP4, personal._IP6, personal._ABROAD),
        *(personal._AMERICAN, personal._ANNOUNCED, *postal._LAYOUTS),
    ],
}
LETTERS = st.characters(codec="latin-1") | st.sampled_from("’“€ß中\u200b\u200d\u202a\u2066\ufffd")
_PASSED_OVER = {
    "".join(each) for word in ("todo", "fixme", "tbd") for each in product(*zip(word, word.upper(), strict=True))
} - {*("TODO", "FIXME", "TBD")}
CASES = [(name, pattern) for name, patterns in PATTERNS.items() for pattern in patterns]


@pytest.mark.parametrize(("name", "pattern"), CASES, ids=[f"{name}-{place}" for place, (name, _) in enumerate(CASES)])
def test_a_gate_lets_through_whatever_its_check_finds(name: str, pattern: re.Pattern[str]) -> None:
    gate = Gates({name: load(name).GATE})  # type: ignore[attr-defined]
    gate.compile()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(pattern, alphabet=LETTERS), st.text(LETTERS, max_size=5))
    def passes(text: str, around: str) -> None:
        whole = f"{around} {text} {around}"
        match = pattern.search(whole)
        if match and not _passed_over(pattern, match[0]) and not _in_another_case(whole):
            assert gate.scan(whole.encode()) == gate.bit(name) == 1

    passes()


def _passed_over(pattern: re.Pattern[str], found: str) -> bool:
    """What a check finds and then leaves: a mark that is not in capitals, and fewer digits than a card has."""
    return found in _PASSED_OVER or (pattern is personal._CARD and sum(map(str.isdigit, found)) < 14)


def _in_another_case(text: str) -> bool:
    """Letters outside ASCII that fold to one inside, and digits outside: gates do not know them."""
    return any(ord(char) > 127 and (char.casefold().isascii() or char.isdigit()) for char in text)


def test_every_gate_is_held_to_its_check() -> None:
    # That of unsafe_content is made of the words it looks for, and held to them in its own test.
    assert {name for name in CHECKS if hasattr(load(name), "GATE")} == {*PATTERNS, "unsafe_content"}


def test_every_check_can_be_shared_among_processes(tmp_path: Path) -> None:
    assert Gatherer(Options(), None).undivided() == []


def _audit(folder: Path, file: Path, model: Path) -> tuple[dict[str, Any], list[Any]]:
    test = make(folder.parent / "data", 300, seed=7).path
    document = audit(AuditRequest(file, model=model, cutoff_len=256, test=test), folder)
    connection = sqlite3.connect(folder / "index.sqlite")
    rows = connection.execute("select * from row order by number").fetchall()
    found = connection.execute("select code, number, note from finding_row order by 1, 2, 3").fetchall()
    connection.close()
    for name in ("seconds", "rows_per_second", "peak_bytes"):
        document.pop(name)
    return document, [rows, found]


def test_two_processes_find_what_one_finds(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make(tmp_path / "data", 5000).path
    lines = file.read_bytes().splitlines(keepends=True)
    lines[2500] = b"\n" + lines[2500][:-1] + b"\r\n" + b'{"messages": "' + b"x" * 200_000 + b'"}\n'
    file.write_bytes(b"\xef\xbb\xbf" + b"".join(lines)[:-1])
    monkeypatch.setattr(shards, "processes", lambda: 1)
    alone = _audit(tmp_path / "alone", file, tiny_model)
    monkeypatch.setattr(shards, "processes", lambda: 2)
    monkeypatch.setattr(shards, "LEAST_BYTES", 1)
    monkeypatch.setattr(shards, "STRETCH_BYTES", 100_000)
    assert _audit(tmp_path / "shared", file, tiny_model) == alone
    assert alone[0]["rows"]["lines"] == 5002 and alone[0]["rows"]["blank"] == 1


def test_gates_change_nothing_but_the_time(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make(tmp_path / "data", 2000).path
    monkeypatch.setattr(gates, "COMPILED_AFTER", 1)
    gated = _audit(tmp_path / "gated", file, tiny_model)
    monkeypatch.setattr(Gates, "scan", lambda self, text: gates.OPEN)
    assert _audit(tmp_path / "open", file, tiny_model) == gated


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text() | st.from_regex(r"\A[ -~“”–’…€°é\n]{0,80}\Z"), max_size=6))
def test_words_and_runs_as_numbers_are_those_of_the_plain_way(texts: list[str]) -> None:
    parted = [words_of(text) for text in texts]
    plain = [units(text) for text in texts]
    assert [(words.split(), unparted) for words, unparted in parted] == plain
    hashes, offsets = word_hashes([words for words, _ in parted])
    for length in (1, 2, 3, 5):
        numbers, begins = run_hashes(hashes, offsets, length)
        of: dict[bytes, int] = {}
        for place, (words, _) in enumerate(plain):
            expected = runs(words, length)
            mine = numbers[begins[place] : begins[place + 1]].tolist()
            assert len(mine) == len(expected)
            # Words of up to 16 bytes are told apart for certain.
            if all(len(word) <= 16 for word in words):
                assert all(of.setdefault(run, number) == number for run, number in zip(expected, mine, strict=True))
        assert len(set(of.values())) == len(of)


@given(
    st.text(LETTERS, max_size=40), st.sampled_from(["jane@example.com", "+1 415 555 0134", "AKIAIOSFODNN7EXAMPLE", "x"])
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_sample_is_masked_as_everything_is(gatherer: Gatherer, around: str, value: str) -> None:
    text = f"{around} {value} {around}"
    assert gatherer.mask(text) == mask.mask_text(text)


@pytest.fixture(scope="module")
def gatherer() -> Gatherer:
    made = Gatherer(Options(), None)
    made.gates.compile()
    return made
