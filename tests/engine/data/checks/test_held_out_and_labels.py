"""Passages of a test file, answers in another language, and labels that were changed: found where they were planted."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest

from engine.data.checks import suspicious_label
from tests.engine.data.rows import audit_rows, finding, many, qa, write_jsonl


def words(rng: random.Random, count: int) -> str:
    return " ".join("".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(3)) for _ in range(count))


def test_passages_of_test_prompts_are_found_and_shared_instructions_are_not(tmp_path: Path) -> None:
    rng = random.Random(1)
    instruction = "Read the passage below with care and then answer the one question that follows it in full"
    prompts = [f"{instruction}: {words(rng, 30)}" for _ in range(20)]
    held = write_jsonl(tmp_path / "test.jsonl", [qa(prompt, "Yes.") for prompt in prompts])
    inside = [qa("Tell me", f"{words(rng, 20)} {prompt.split(': ')[1]} {words(rng, 20)}") for prompt in prompts[:10]]
    sound = [qa(f"{instruction}: {words(rng, 30)}", "No.") for _ in range(100)]
    found = finding(audit_rows(tmp_path, [*sound, *inside], test=held), "leak_ngram")
    assert found["lines"] == list(range(101, 111)) and found["kinds"] == {"13-gram": 10}
    assert "other words" in found["cannot_see"]


def test_answers_in_another_language_are_named(tmp_path: Path) -> None:
    english = [
        qa(f"Question {n}?", f"It is in the house with number {n}, and the door of it is painted red.")
        for n in range(60)
    ]
    others = [
        qa("Q de?", "Das Paket ist gestern angekommen, aber leider war der Inhalt vollständig beschädigt."),
        qa("Q fr?", "Le colis est arrivé hier, mais malheureusement son contenu était complètement abîmé."),
        qa("Q es?", "El paquete llegó ayer, pero por desgracia su contenido estaba totalmente roto y mojado."),
    ]
    found = finding(audit_rows(tmp_path, [*english, *others]), "other_language")
    assert found["lines"] == [61, 62, 63] and found["kinds"] == {"de": 1, "fr": 1, "es": 1}


def test_a_file_of_two_languages_has_no_main_one(tmp_path: Path) -> None:
    rows = [
        qa(f"Q {n}?", f"Das Paket Nummer {n} ist gestern angekommen, aber der Inhalt war beschädigt." if n % 2 else
           f"The parcel with number {n} came yesterday, and the things inside of it were broken.")
        for n in range(60)
    ]  # fmt: skip
    assert finding(audit_rows(tmp_path, rows), "other_language")["count"] == 0


TOPICS = {
    "billing": ["invoice", "charge", "refund", "payment", "card", "money", "price", "bill"],
    "shipping": ["parcel", "courier", "delivery", "late", "tracking", "box", "arrived", "address"],
    "account": ["password", "login", "email", "profile", "locked", "username", "reset", "access"],
}


def test_changed_labels_are_doubted_and_sound_ones_are_not(tmp_path: Path) -> None:
    rng = random.Random(4)
    names = list(TOPICS)
    rows = []
    for number in range(600):
        topic = names[number % 3]
        said = " ".join(
            [*rng.sample(TOPICS[topic], 4), *rng.sample(["please", "my", "the", "now", "help", "still"], 3)]
        )
        rows.append({"text": f"{said} {number}", "label": topic if number >= 30 else names[(number + 1) % 3]})
    found = finding(audit_rows(tmp_path, rows), "suspicious_label")
    planted = set(range(1, 31))
    assert len(planted & set(found["lines"])) >= 27
    assert len(set(found["lines"]) - planted) <= 3


def classes(count: int, seed: int = 4) -> list[dict[str, str]]:
    rng = random.Random(seed)
    names = list(TOPICS)
    return [
        {"text": f"{' '.join(rng.sample(TOPICS[names[n % 3]], 4))} {n}", "label": names[(n + (n < 9)) % 3]}
        for n in range(count)
    ]


@pytest.mark.parametrize(("rows", "said"), [(300, ""), (301, "an even sample of 151 of 301 labelled rows")])
def test_a_sample_is_said_and_a_whole_is_not_called_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, said: str
) -> None:
    monkeypatch.setattr(suspicious_label, "MOST_ROWS", 300)
    document = audit_rows(tmp_path, classes(rows))
    found = finding(document, "suspicious_label")
    assert found["count"] >= 3 and ("sample" in found["measure"]) == bool(said) and said in found["measure"]
    assert set(found["kinds"]) <= {"surer", "less sure"} and "reviewed on BANKING77" in found["measure"]


def test_a_thumb_is_no_class_to_doubt(tmp_path: Path) -> None:
    rows = [
        {"prompt": row["text"], "completion": f"It is about {row['label']}.", "label": row["label"] == "billing"}
        for row in classes(300)
    ]
    document = audit_rows(tmp_path, rows)
    assert document["label_balance"]["distinct"] == 2
    assert finding(document, "suspicious_label")["count"] == 0
    said = next(each for each in document["looked"] if each["code"] == "suspicious_label")
    assert said["looked"] is False and "a thumb judges an answer" in said["why_not"]


@pytest.mark.slow
def test_the_reviewed_precision_is_what_changed_labels_of_banking77_give(public_data: Path, tmp_path: Path) -> None:
    with (public_data / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = [{"text": row["text"], "label": row["category"]} for row in csv.DictReader(file)]
    rng = random.Random(1)
    names = sorted({row["label"] for row in rows})
    changed = set(rng.sample(range(len(rows)), 300))
    for place in sorted(changed):
        rows[place]["label"] = rng.choice([name for name in names if name != rows[place]["label"]])
    document = audit_rows(tmp_path, rows)
    found = finding(document, "suspicious_label")
    hits = len({line - 1 for line in found["lines"]} & changed)
    said = [int(share) / 100 for share in re.findall(r"(\d+) %", found["measure"])]
    assert said[0] == 0.03
    assert hits / found["count"] == pytest.approx(said[1], abs=0.05)
    assert hits / 300 == pytest.approx(said[4], abs=0.07)


def test_free_text_has_no_labels_to_doubt(tmp_path: Path) -> None:
    assert finding(audit_rows(tmp_path, many(200)), "suspicious_label")["count"] == 0
