"""What the prompts are about: clusters that were planted are found, whatever else is in the file."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from engine.data.topics import topics
from tests.engine.data.rows import audit_rows, finding, many, qa, write_jsonl

KINDS = {
    "invoice": ["invoice", "amount", "charged", "vat", "euros", "payment", "billing", "receipt", "total", "wrong"],
    "parcel": ["parcel", "courier", "delivery", "street", "tracking", "door", "box", "late", "shipped", "arrive"],
    "login": ["login", "password", "account", "locked", "email", "reset", "code", "page", "error", "signin"],
    "recipe": ["recipe", "oven", "flour", "butter", "sugar", "bake", "minutes", "cake", "dough", "whisk"],
}
FRAME = ["please", "tell", "me", "about", "the", "and", "my", "what", "can", "you", "do", "with", "is", "it", "now"]


def ask(kind: str, chance: random.Random) -> str:
    words = chance.sample(KINDS[kind], 6) + chance.sample(FRAME, 5)
    chance.shuffle(words)
    return " ".join(words)


def about(counts: dict[str, int], seed: int = 1) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    chance.shuffle(kinds)
    return [qa(ask(kind, chance), f"Answer {number} about {kind}.") for number, kind in enumerate(kinds)]


def kind_of(row: dict[str, Any]) -> str:
    return str(row["completion"].split()[-1][:-1])


def test_clusters_are_the_kinds_of_prompts(tmp_path: Path) -> None:
    rows = about({"invoice": 150, "parcel": 100, "login": 50})
    coverage = audit_rows(tmp_path, rows)["coverage"]
    assert sum(each["count"] for each in coverage["clusters"]) == coverage["rows"] == 300
    assert coverage["sampled"] is None and coverage["production"] is None
    assert [each["count"] for each in coverage["clusters"]] == [150, 100, 50]
    for each, kind in zip(coverage["clusters"], ("invoice", "parcel", "login"), strict=True):
        assert set(each["terms"]) <= set(KINDS[kind]) and len(each["terms"]) == 8
        assert each["share"] == pytest.approx(each["count"] / 300)
        assert {kind_of(rows[line - 1]) for line in each["examples"]} == {kind}
    assert len(coverage["points"]) == 300
    assert all(kind_of(rows[number - 1]) == "parcel" for _, _, cluster, number in coverage["points"] if cluster == 1)


def test_a_rare_kind_is_found_row_by_row_and_a_common_one_is_not(tmp_path: Path) -> None:
    rows = about({"invoice": 400, "parcel": 300, "login": 290, "recipe": 6})
    document = audit_rows(tmp_path, rows)
    found = finding(document, "rare_cluster")
    assert found["lines"] == [line for line, row in enumerate(rows, start=1) if kind_of(row) == "recipe"]
    rare = document["coverage"]["rare"]
    assert [each["id"] for each in document["coverage"]["clusters"] if each["rare"]] == rare and len(rare) == 1


def test_traffic_that_the_data_lacks_is_named_with_its_prompts(tmp_path: Path) -> None:
    rows = about({"invoice": 200, "parcel": 200})
    chance = random.Random(7)
    prompts = [ask(kind, chance) for kind in ["invoice"] * 50 + ["login"] * 30 + ["parcel"] * 40]
    shapes = {
        "prompts.jsonl": [json.dumps({"prompt": prompt}) for prompt in prompts],
        "chats.jsonl": [json.dumps({"messages": [{"role": "user", "content": prompt}]}) for prompt in prompts],
        "answered.jsonl": [json.dumps(qa(prompt, "It is so.")) for prompt in prompts],
        "lines.txt": prompts,
        "lines.log": prompts,
    }
    for name, lines in shapes.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        document = audit_rows(tmp_path, rows, production=tmp_path / name)
        found = finding(document, "missing_from_production")
        assert found["count"] == 30, name
        (missing,) = found["clusters"]
        assert set(missing["terms"]) <= set(KINDS["login"]) and missing["count"] == 0
        assert all(51 <= line <= 80 for line in missing["production_examples"])
        section = document["coverage"]["production"]
        assert section == {"name": name, "rows": 120, "unusable": 0, "sampled": None, "missing": [missing["id"]]}
        assert sum(each["production_count"] for each in document["coverage"]["clusters"]) == 120


def test_traffic_like_the_data_lacks_nothing(tmp_path: Path) -> None:
    rows = about({"invoice": 200, "parcel": 150, "login": 50})
    real = [{"prompt": row["prompt"]} for row in about({"invoice": 90, "parcel": 80, "login": 30}, seed=9)]
    document = audit_rows(tmp_path, rows, production=write_jsonl(tmp_path / "real.jsonl", [*real, {"who": 1}]))
    assert finding(document, "missing_from_production")["count"] == 0
    assert document["coverage"]["production"]["unusable"] == 1
    assert document["coverage"]["production"]["missing"] == []


def test_addresses_and_numbers_never_become_terms(tmp_path: Path) -> None:
    rows = [qa(f"{ask('login', random.Random(n))} jane.doe@example.com 0171 5550{n:03}", f"A {n}") for n in range(80)]
    stored = json.dumps(audit_rows(tmp_path, rows)["coverage"])
    assert "jane" not in stored and "doe" not in stored and "5550" not in stored


def test_chinese_prompts_have_clusters_too(tmp_path: Path) -> None:
    chance = random.Random(3)
    halves = ("发票金额错误需要退款账单", "包裹没有收到快递延误物流")
    rows = [qa("".join(chance.sample(halves[n % 2], 9)) + "怎么办", f"好的{n}") for n in range(80)]
    clusters = audit_rows(tmp_path, rows)["coverage"]["clusters"]
    assert sum(each["count"] for each in clusters) == 80 and any(each["terms"] for each in clusters)


@pytest.mark.parametrize("texts", [["same"] * 60, [""] * 60, ["?!"] * 60, ["a b", "a c"] * 30, ["1", "2"] * 30])
def test_prompts_without_kinds_are_few_clusters(texts: list[str]) -> None:
    found = topics(texts)
    assert len(found.of) == 60 and len(found.terms) <= 2 and found.xy.shape == (60, 2)


def test_few_rows_have_no_map(tmp_path: Path) -> None:
    assert audit_rows(tmp_path, many(49))["coverage"] is None


def test_prompts_of_one_pattern_are_noticed_and_varied_ones_are_not(tmp_path: Path) -> None:
    cities = ["Rome", "Oslo", "Lima", "Cairo", "Delhi", "Paris", "Quito", "Accra", "Minsk", "Dakar"]
    rows = [qa(f"What is the weather like in {city} on day {n} please?", "Fine.") for n in range(8) for city in cities]
    found = audit_rows(tmp_path, rows)
    assert finding(found, "low_diversity")["count"] == 80 and found["diversity"]["alike_share"] == 1
    varied = audit_rows(tmp_path, about({"invoice": 40, "parcel": 40, "login": 40, "recipe": 40}))
    assert finding(varied, "low_diversity")["count"] == 0
    assert varied["diversity"]["distinct_3"] > found["diversity"]["distinct_3"]
    assert 0 < varied["diversity"]["self_similarity"] < found["diversity"]["self_similarity"]


def test_likeness_is_that_of_a_plain_computation() -> None:
    from engine.data.likeness import longest_common, nearest, rouge_l

    def plain(one: list[str], other: list[str]) -> int:
        table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
        for i, a in enumerate(one):
            for j, b in enumerate(other):
                table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
        return table[-1][-1]

    chance = random.Random(5)
    texts = [[chance.choice("abcdef") for _ in range(chance.randint(1, 30))] for _ in range(40)]
    assert all(longest_common(one, other) == plain(one, other) for one in texts for other in texts)
    assert rouge_l(["the", "cat", "sat"], ["the", "cat", "ran"]) == pytest.approx(2 / 3)
    assert nearest([["a", "b"], ["a", "b"], ["c"]]).tolist() == [1, 1, 0]


def test_answers_far_longer_than_their_kind_are_found(tmp_path: Path) -> None:
    chance = random.Random(2)
    rows = about({"invoice": 100, "recipe": 100})
    for row in rows:
        # Recipes are long by nature; invoices are answered in a line.
        words = chance.randint(12, 20) if kind_of(row) == "invoice" else chance.randint(150, 250)
        row["completion"] = " ".join(chance.choices(FRAME, k=words)) + f" about {kind_of(row)}."
    long_one = next(line for line, row in enumerate(rows, start=1) if kind_of(row) == "invoice")
    rows[long_one - 1]["completion"] = " ".join(chance.choices(FRAME, k=200)) + " about invoice."
    document = audit_rows(tmp_path, rows)
    assert finding(document, "over_verbose")["lines"] == [long_one]
    assert finding(document, "length_outlier")["count"] == 0  # as long as any recipe


def test_two_kinds_of_answer_are_no_outliers(tmp_path: Path) -> None:
    rows = about({"invoice": 200})
    for number, row in enumerate(rows):
        row["completion"] = "I can say no more. " * (20 if number % 5 == 0 else 1) + str(number)
    assert finding(audit_rows(tmp_path, rows), "over_verbose")["count"] == 0
