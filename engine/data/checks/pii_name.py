"""Names of persons, where a package that finds them is installed; where none is, the document says nobody looked."""

from __future__ import annotations

from engine.data.again import contents
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.formats.turns import ROLES
from engine.data.names import finder
from engine.data.normalise import PART
from engine.data.seen import Seen

ABOUT = (
    About(
        "pii_name",
        "Names of persons",
        "notice",
        "A model can give back what a person by name has said or done; a name may need a legal basis to be trained on.",
        "Replace those of private persons by placeholders; those of public figures and of stories may stay.",
    ),
)
# Such a model reads tens of rows a second: an even sample, and the start of each row.
MOST_ROWS, MOST_CHARACTERS = 500, 1200
MEASURES = {
    "pii_name": {
        "measure": f"a model for names on an even sample of {MOST_ROWS} rows",
        "cannot_see": "names further on, nicknames, user names; which persons are public. "
        "Rows on a page show names as they stand",
    }
}
INSTALL = "python -m pip install --no-deps -r requirements/ner.txt (or spaCy with a model of the language)"


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: an even sample is read again."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    found = finder()
    if found is None:
        book.pass_over(MEASURES, "no package that finds names is installed")
        facts.sections.setdefault("not_looked", []).append(
            {
                "code": "pii_name",
                "title": ABOUT[0].title,
                "found": "Names of persons were not looked for: no package that finds them is installed.",
                "remedy": f"Install one: {INSTALL}.",
            }
        )
        return
    numbers = [int(number) for number in facts.columns["number"].values()]
    chosen = numbers[:: max(1, -(-len(numbers) // MOST_ROWS))]
    rows = [(each[0], each[1], _spoken(each[2], each[3])) for each in contents(facts, chosen)]
    for (number, line, _), names in zip(rows, found.find([text for _, _, text in rows]), strict=True):
        if names:
            book.flag("pii_name", number, line, ", ".join(dict.fromkeys(map(hidden, names[:20]))))
    sampled = f"; of a sample of {len(chosen):,} rows" if len(chosen) < len(numbers) else ""
    measure = f"{found.about} on the first {MOST_CHARACTERS:,} characters of a row{sampled}"
    book.say({"pii_name": {**MEASURES["pii_name"], "measure": measure}})


def _spoken(prompt: str, answer: str) -> str:
    parts = f"{prompt}{PART}{answer}".split(PART)
    return "\n".join(part for part in parts if part and part not in ROLES)[:MOST_CHARACTERS]


def hidden(name: str) -> str:
    """``Jane Doe`` becomes ``J*** D***``."""
    return " ".join(f"{word[0]}***" for word in name.split())
