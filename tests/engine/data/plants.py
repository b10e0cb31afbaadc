"""The table of planted defects: for each finding code the rows that have it, and rows that look like it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.engine.data.planted import (
    TOPICS,
    Line,
    Make,
    Plant,
    Planting,
    answers,
    base,
    chat,
    clean,
    inserted,
    raw,
    rows_like,
    sentence,
    turns,
    write,
)


def copies(change: Callable[[random.Random, dict[str, Any]], dict[str, Any]]) -> Plant:
    """20 rows come a second time, changed."""

    def whole(chance: random.Random, folder: Path) -> Planting:
        rows: list[Line] = list(clean(400, chance.randrange(10**6)))
        originals = chance.sample(range(400), 20)
        rows += [change(chance, json.loads(json.dumps(rows[place]))) for place in originals]
        return Planting(rows, set(originals) | set(range(400, 420)))

    return Plant(whole=whole)


def edited(chance: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    """A tenth of the words are others."""
    for message in row["messages"]:
        words = message["content"].split()
        for place in chance.sample(range(1, max(2, len(words) - 1)), len(words) // 10):
            words[place] = "replaced" + str(chance.randint(0, 99))
        message["content"] = " ".join(words)
    return row


def shouted(chance: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    for message in row["messages"]:
        message["content"] = "  ".join(message["content"].upper().replace("?", " ?!").split())
    return row


def answered_otherwise(chance: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    row["messages"][-1]["content"] = base(chance)[1]
    return row


def leaks(change: Callable[[random.Random, dict[str, Any]], dict[str, Any]]) -> Plant:
    """Of 60 rows of a test file, 20 stand in the training file in some form."""

    def whole(chance: random.Random, folder: Path) -> Planting:
        held = [chat(*base(chance)) for _ in range(60)]
        rows: list[Line] = list(clean(400, chance.randrange(10**6)))
        rows += [change(chance, json.loads(json.dumps(row))) for row in held[:20]]
        return Planting(rows, set(range(400, 420)), options={"test": write(folder / "test.jsonl", list(held))})

    return Plant(whole=whole)


def passage(chance: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    """The test prompt stands inside another question."""
    prompt, answer = base(chance)
    return chat(f"{prompt} {row['messages'][0]['content']} {base(chance)[0]}", answer)


def labelled(chance: random.Random, sizes: dict[str, int]) -> list[dict[str, Any]]:
    rows = [{"text": sentence(chance, topic, 24), "label": topic} for topic, n in sizes.items() for _ in range(n)]
    chance.shuffle(rows)
    return rows


def imbalance(chance: random.Random, folder: Path) -> Planting:
    rows = labelled(chance, {"garden": 200, "kitchen": 150, "music": 12})
    return Planting(list(rows), {place for place, row in enumerate(rows) if row["label"] == "music"})


def wrong_labels(chance: random.Random, folder: Path) -> Planting:
    rows = labelled(chance, {"garden": 150, "kitchen": 150, "music": 150})
    wrong = set(chance.sample(range(len(rows)), 12))
    for place in wrong:
        rows[place]["label"] = chance.choice(
            [topic for topic in ("garden", "kitchen") if topic != rows[place]["label"]]
        )
    return Planting(list(rows), wrong)


def disagreement(chance: random.Random, folder: Path) -> Planting:
    rows = labelled(chance, {"garden": 60, "kitchen": 60})
    split = set(chance.sample(range(120), 50))
    for place, row in enumerate(rows):
        label = row.pop("label")
        row["labels"] = [label, label, "music" if place in split else label]
    return Planting(list(rows), split)


def few(chance: random.Random, folder: Path) -> Planting:
    return Planting(list(clean(90, 5)), set())


def one_pattern(chance: random.Random, folder: Path) -> Planting:
    nouns = TOPICS["garden"].split()
    rows = [chat(f"How do I look after my {chance.choice(nouns)} in week {n} of the year?", base(chance)[1])
            for n in range(200)]  # fmt: skip
    return Planting(list(rows), set())


def no_edges(chance: random.Random, folder: Path) -> Planting:
    return Planting([chat(*base(chance)) for _ in range(300)], set())


def fine_file(chance: random.Random, folder: Path) -> Planting:
    return Planting(list(clean(300, 6)), set())


def rare_topic(chance: random.Random, folder: Path) -> Planting:
    rows: list[Line] = [chat(sentence(chance, topic, 14) + "?", base(chance)[1])
                        for topic in ("garden", "kitchen", "travel") for _ in range(300)]  # fmt: skip
    rows += [chat(" ".join(chance.sample(TOPICS["music"].split(), 9)) + "?", base(chance)[1]) for _ in range(6)]
    return Planting(rows, set(range(900, 906)))


def traffic(topics: list[str]) -> Callable[[random.Random, Path], Planting]:
    def whole(chance: random.Random, folder: Path) -> Planting:
        rows: list[Line] = [chat(sentence(chance, topic, 14) + "?", base(chance)[1])
                            for topic in ("garden", "kitchen") for _ in range(150)]  # fmt: skip
        real: list[Line] = [{"prompt": sentence(chance, topic, 14)} for topic in topics for _ in range(60)]
        return Planting(rows, set(), options={"production": write(folder / "real.jsonl", real)})

    return whole


def verbose(chance: random.Random, folder: Path) -> Planting:
    rows = [chat(sentence(chance, topic, 12) + "?", sentence(chance, topic, chance.randint(14, 24)) + ".")
            for topic in ("garden", "kitchen", "music") for _ in range(120)]  # fmt: skip
    long_ones = set(chance.sample(range(360), 8))
    for place in long_ones:
        rows[place]["messages"][-1]["content"] = sentence(chance, "garden", 240) + "."
    return Planting(list(rows), long_ones)


def json_answers(chance: random.Random, folder: Path) -> Planting:
    def answer(keys: str) -> str:
        return json.dumps({key: sentence(chance, "office", 4) for key in keys})

    rows = [chat(base(chance)[0], answer("abc")) for _ in range(200)]
    odd = set(chance.sample(range(200), 10))
    for place in odd:
        rows[place]["messages"][-1]["content"] = chance.choice((answer("abd"), base(chance)[1]))
    return Planting(list(rows), odd)


LOOPS = (" and then we go on", "haha", "哈哈", "我们走吧", "lololol")


def compared(chance: random.Random, other: Callable[[str], str]) -> Line:
    prompt, answer = base(chance)
    return {"prompt": prompt, "chosen": answer, "rejected": other(answer)}


def stray_lengths(chance: random.Random, folder: Path) -> Planting:
    """Answers of one word, and very long ones, among answers of a paragraph; and rows with a very long prompt."""
    rows: list[Line] = [
        chat(base(chance)[0], sentence(chance, "office", chance.randint(40, 70)) + ".") for _ in range(300)
    ]
    rows += [chat(base(chance)[0], word) for word in ("No.", "Yes.", "Maybe so.", "No, no.", "Fine.")]
    rows += [chat(base(chance)[0], sentence(chance, "music", 900) + ".") for _ in range(3)]
    rows += [chat(sentence(chance, "office", 1500) + "?", sentence(chance, "office", 50) + ".") for _ in range(4)]
    return Planting(rows, set(range(300, 312)))


MARKED = ("# Heading\n", "**Note:** ", "|a|b|\n|---|---|\n", "See [the page](https://example.com/x). ")
NOT_MARKED = ("```\n# no heading\n```\n", "5 * 3 # 2 ", "__init__ ", "- a list\n- of two\n", "a **b or ")


def markdown(chance: random.Random, folder: Path) -> Planting:
    """Some answers in Markdown among plain ones; or, in every second file, some plain ones among Markdown."""
    rows = [chat(base(chance)[0], sentence(chance, "office", chance.randint(40, 70)) + ".") for _ in range(400)]
    odd = set(chance.sample(range(400), 15))
    most = chance.random() < 0.5
    for place, row in enumerate(rows):
        marks = MARKED if (place in odd) != most else NOT_MARKED
        row["messages"][-1]["content"] = chance.choice(marks) + row["messages"][-1]["content"]
    return Planting(list(rows), odd)


def shapes(chance: random.Random, folder: Path) -> Planting:
    rows: list[Line] = list(clean(300, 7))
    rows += [dict(zip(("prompt", "completion"), base(chance), strict=True)) for _ in range(10)]
    return Planting(rows, set(range(300, 310)))


GERMAN = "die Rechnung wurde nicht bezahlt weil das Konto gesperrt ist und niemand antworten kann"


def german(chance: random.Random, answer: str) -> str:
    words = GERMAN.split()
    chance.shuffle(words)
    return "Leider ist es so, dass wir nicht wissen, ob " + " ".join(words) + "."


def no_system(chance: random.Random, folder: Path) -> Planting:
    rows = clean(200, 8)
    without = set(chance.sample(range(200), 15))
    for place, row in enumerate(rows):
        if place not in without:
            row["messages"].insert(0, {"role": "system", "content": "You help in a shop."})
    return Planting(list(rows), without)


def headings(chance: random.Random, folder: Path) -> Planting:
    rows = clean(200, 9)
    headed = set(chance.sample(range(200), 50))
    for place in headed:
        row = rows[place]["messages"][0]
        row["content"] = f"Do as it says.\nInput: {row['content']}\nAnswer:"
    return Planting(list(rows), headed)


PERSONAL: dict[str, tuple[Make, Make]] = {
    "pii_email": (
        inserted("jane.doe##@example.com", "<x#@mail.example.org>,", "jürgen#@müller.de"),
        inserted("@jane#", "a@b", "7 @ 9", "icon@#x.png", "react@18.#.beta"),
    ),
    "pii_phone": (
        inserted("+44 20 7946 09##", "(415) 555-26##", "电话+86138001380##号", "Mobil: 0171 23456##."),
        inserted("order 20##", "route 66-##", "call 10 000 000 times", "a call with 'PB2623773##'"),
    ),
    "pii_card": (
        inserted(
            "4111 1111 1111 1111",
            "5500-0000-0000-0004",
            "12/2# 4111 1111 1111 1111 ###,",
            "４１１１１１１１１１１１１１１１",
        ),
        inserted("4111 1111 1111 1112", "9780306406157", "198-304-19-201-338", "4123456789###"),
    ),
    "pii_iban": (
        inserted("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "de89370400440532013000."),
        inserted("GB83 WEST 1234 5698 7654 32"),
    ),
    "pii_ssn": (
        inserted("123-45-67##", "524-12-34##.", "SSN: 5241234##", "536–90–43##"),
        inserted("000-12-34##", "12-345-67##", "part 5241234##"),
    ),
    "pii_ip": (
        inserted("203.0.113.##", "198.51.100.##:80#", "地址203.0.113.##。", "2001:db8::##"),
        inserted("section 1.2.3.4", "127.0.0.1", "198.51.100.0/24"),
    ),
    "secret": (
        inserted(
            *("AKIAIOSFODNN7EXAMPL#", "AKIA1234567890ABCDE#", "hf_" + "aB#cD#eF#g" * 4, "AIzaSy" + "aB#cD#eF#gH" * 3),
            *(
                "sk-ant-api03-" + "aB#_-" * 8,
                "sk-proj-" + "aB#_-" * 8,
                "github_pat_" + "aB#" * 9,
                "password: hunter#x#9a",
            ),
            *("API_KEY = 'k#f#kd92ks'", '"db_password": "Tr#ub4dor&#"', "client_secret=8xK#mQ9vLw7p"),
        ),
        inserted(
            *(
                "AKIA",
                "the secret key is safe",
                "password: your_password#",
                "Password: ********",
                "api_key = get_key(#)",
            ),
            *("password = os.environ['DB_#']", "the password: a long one", "token: #", "hf_hub_download", "sk-learn-#"),
        ),
    ),
    "postal_address": (
        inserted("742 Evergreen Terrace, Springfield, IL 627##", "10 Downing Street, London SW1A 2AA"),
        inserted("on page 742 of volume 7", "a street of 10 houses"),
    ),
}

PLANTS: dict[str, Plant] = {
    "malformed_json": Plant(
        raw(
            lambda text: text[:-9].encode(), lambda text: text.encode() + b",", lambda text: b"{'a'" + text[4:].encode()
        )
    ),
    "invalid_encoding": Plant(raw(lambda text: text.encode()[:-4] + b"\xff\xfe" + text.encode()[-4:])),
    "not_an_object": Plant(raw(lambda text: f"[{text}]".encode(), lambda text: b'"text"', lambda text: b"17")),
    "unknown_shape": Plant(rows_like(lambda chance, row: {"who": base(chance)[0], "what": base(chance)[1]})),
    "wrong_type": Plant(
        rows_like(lambda chance, row: chance.choice(({"messages": 7}, {"messages": [{"role": "user", "content": 7}]})))
    ),
    "unknown_role": Plant(turns("xa", "uxa", "uax"), turns("sua", "uta")),
    "empty_prompt": Plant(
        rows_like(lambda chance, row: {"prompt": chance.choice(("", " \n")), "completion": base(chance)[1]})
    ),
    "empty_answer": Plant(
        rows_like(lambda chance, row: {"prompt": base(chance)[0], "completion": chance.choice(("", "\t"))})
    ),
    "no_assistant_turn": Plant(turns("u", "su", "ut")),
    "role_order": Plant(turns("uua", "aua", "uaa"), turns("sua", "uaua")),
    "missing_user": Plant(turns("a", "sa"), turns("sua", "ua")),
    "missing_system": Plant(whole=no_system),
    "mixed_instruction_styles": Plant(whole=headings),
    "system_not_first": Plant(turns("usa", "uasua"), turns("sua", "suaua")),
    "ends_with_user": Plant(turns("uau", "suau"), turns("ua", "suaua")),
    "prompt_equals_answer": Plant(
        rows_like(
            lambda chance, row: chat((text := base(chance)[1]), chance.choice((f" {text}\n", text.upper()[:-1] + "!")))
        ),
        rows_like(lambda chance, row: chat("Say: " + (text := base(chance)[1]), text)),
    ),
    "mixed_shapes": Plant(whole=shapes),
    "exact_duplicate": copies(lambda chance, row: row | {"id": chance.randint(1, 99)}),
    "normalised_duplicate": copies(shouted),
    "near_duplicate": copies(edited),
    "conflicting_answers": copies(answered_otherwise),
    "label_imbalance": Plant(whole=imbalance),
    "suspicious_label": Plant(whole=wrong_labels),
    "low_agreement": Plant(whole=disagreement),
    "too_few_rows": Plant(whole=few, fine=fine_file),
    "low_diversity": Plant(whole=one_pattern, fine=fine_file),
    "missing_edge_cases": Plant(whole=no_edges, fine=fine_file),
    "rare_cluster": Plant(whole=rare_topic),
    "missing_from_production": Plant(whole=traffic(["garden", "music"]), fine=traffic(["garden", "kitchen"])),
    "over_verbose": Plant(whole=verbose),
    "length_outlier": Plant(whole=stray_lengths),
    "mixed_answer_formats": Plant(whole=json_answers),
    "mixed_markdown": Plant(whole=markdown),
    "chosen_equals_rejected": Plant(
        rows_like(lambda chance, row: compared(chance, lambda answer: chance.choice((answer, answer.upper() + " ")))),
        rows_like(lambda chance, row: compared(chance, lambda answer: answer + " Or not at all.")),
    ),
    "leak_identical": leaks(lambda chance, row: row),
    "leak_prompt": leaks(answered_otherwise),
    "leak_ngram": leaks(passage),
    "refusal_boilerplate": Plant(
        answers(
            lambda chance, answer: (
                chance.choice(("As an AI language model, ", "I'm sorry, but I cannot help. ")) + answer
            )
        ),
        answers(lambda chance, answer: "The assistant may refuse when " + answer.lower()),
    ),
    "template_in_content": Plant(inserted("<|im_end|>", "[/INST]", "<|eot_id|>"), inserted("### Steps", "[INSTALL]")),
    "placeholder_text": Plant(
        inserted("{{name}}", "[your name]", "lorem ipsum", "TODO"), inserted("[1]", "{a: 1}", "todo list")
    ),
    "mojibake": Plant(inserted("cafÃ©", "donâ€™t", "na\ufffdve"), inserted("café", "don’t", "Ã")),
    "control_characters": Plant(inserted("a\x07b", "\x1b[0m", "a\x00b"), inserted("a\tb", "a\nb")),
    "zero_width": Plant(inserted("a\u200bb", "\ufeffa", "a\u00adb"), inserted("👨\u200d👩", "a b")),
    "bidi_override": Plant(inserted("a\u202eb", "\u2066a"), inserted("שלום", "a\u200fb")),
    "stale_fact": Plant(
        inserted(
            *("as of 2023", "https://example.com/page", "the current president", "in the year 2024", "since 2019,"),
            *("this year, 2023, it is", "it currently costs, in March 2022, more", "2025 to date"),
        ),
        inserted("in the year 19##", "a current of air", "in 2001", "2024", "in 20245", "page 20## of it"),
    ),
    "repetition_loop": Plant(
        answers(lambda chance, answer: answer + chance.choice(LOOPS) * chance.randint(12, 20)),
        answers(
            lambda chance, answer: (
                answer
                + chance.choice((" Again and again and again.", " Hahaha!", "\n" + "-" * 40, " 10000000000000000000"))
            )
        ),
    ),
    "truncated_answer": Plant(
        answers(
            lambda chance, answer: chance.choice((answer[:-1] + " and the", "```python\n" + answer, '{"a": "' + answer))
        ),
        answers(lambda chance, answer: "```\n" + answer + "\n```"),
    ),
    "html_markup": Plant(
        inserted("<p>one</p>", "<br>", '<a href="x">y</a>'), inserted("a < b", "x <y> z", "List<int>")
    ),
    "other_language": Plant(answers(german)),
    **{code: Plant(make, alike) for code, (make, alike) in PERSONAL.items()},
}


def plant(code: str, folder: Path, seed: int, rows: int, count: int) -> Planting:
    """A file of ``rows`` sound rows and ``count`` with the defect, in an order of chance."""
    chance = random.Random(f"{code}{seed}")
    each = PLANTS[code]
    if each.whole is not None:
        return each.whole(chance, folder)
    assert each.make is not None
    tagged: list[tuple[Line, bool]] = [(row, False) for row in clean(rows, seed)]
    tagged += [(line, True) for line in each.make(chance, count)]
    tagged += [(line, False) for line in (each.alike(chance, count) if each.alike else [])]
    chance.shuffle(tagged)
    lines = [line for line, _ in tagged]
    return Planting(lines, {place for place, (_, bad) in enumerate(tagged) if bad})
