"""Conversations without the turns the others have, and prompts asked in another style."""

from __future__ import annotations

from pathlib import Path

from tests.engine.data.rows import audit_rows, chat, finding, many, qa


def asked(count: int, system: bool) -> list[dict[str, object]]:
    head = [("system", "You are a clerk.")] if system else []
    return [
        chat(*head, ("user", row["prompt"]), ("assistant", row["completion"]))
        for row in many(count, 100 * (1 + system))
    ]


def test_rows_without_the_system_turn_that_most_have_are_named(tmp_path: Path) -> None:
    found = finding(audit_rows(tmp_path, [*asked(30, True), *asked(4, False), {"text": "raw"}]), "missing_system")
    assert found["lines"] == [31, 32, 33, 34] and found["measure"]


def test_a_file_where_few_rows_have_a_system_turn_lacks_none(tmp_path: Path) -> None:
    for rows in ([*asked(4, True), *asked(30, False)], asked(30, False), asked(30, True), many(30)):
        assert finding(audit_rows(tmp_path, rows), "missing_system")["count"] == 0


def test_a_conversation_in_which_nobody_asks_is_named(tmp_path: Path) -> None:
    rows = [*asked(20, True), chat(("system", "You are a clerk."), ("assistant", "Good morning.")), {"text": "raw"}]
    assert finding(audit_rows(tmp_path, rows), "missing_user")["lines"] == [21]


def headed(count: int) -> list[dict[str, object]]:
    return [
        qa(f"### Instruction:\nSay where it is.\n\n### Input:\n{row['prompt']}", row["completion"])
        for row in many(count, 3000)
    ]


def test_the_rarer_style_of_asking_is_named_whichever_it_is(tmp_path: Path) -> None:
    few = finding(audit_rows(tmp_path, [*many(40), *headed(5)]), "mixed_instruction_styles")
    assert few["lines"] == list(range(41, 46)) and "1%" in few["threshold"]
    few = finding(audit_rows(tmp_path, [*many(4), *headed(40)]), "mixed_instruction_styles")
    assert few["lines"] == [1, 2, 3, 4]


def test_one_style_and_slips_are_not_mixed(tmp_path: Path) -> None:
    quoting = [qa("What does a line such as Input: mean?", "It is a heading."), qa("Note:\nInput: 5", "A five.")]
    for rows in (many(60), headed(60), [*many(60), *quoting]):
        assert finding(audit_rows(tmp_path, rows), "mixed_instruction_styles")["count"] == 0
