"""Keys, tokens and passwords in URLs. They are masked wherever a page, a report or a log shows the row."""

from __future__ import annotations

from engine.data import secrets
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "secret",
        "Secrets and keys",
        "repair",
        "A model repeats keys it was trained on to whoever asks; a key in a data set must count as leaked.",
        "Revoke the keys, then replace them by placeholders.",
    ),
)
# The words of engine/data/secrets.py; those that are also words of every text stand in their form.
GATE = (
    r"gh[pousr]_|k_live_|_authToken=|gl(?:pat|dt|rt|cbt|ptt)-|[0-9a-z]-us\d|pypi-Ag|xox|PRIVATE KEY|PuTTY-User-Key"
    r"|://[^\s]+@|AccountKey=|eyJ|T3BlbkFJ|(?-i:SG\.)|sq0csp|:AA|aws.*(?:key|pw|pass|token)"
    r"|A(?:KIA|SIA|BIA|CCA|3T)[0-9A-Z]{16}|(?:AC|SK)[a-z0-9]{32}"
    rf"|{secrets.GATE}"
)

MEASURES = {
    "secret": {
        "measure": f"{len(secrets.PLUGINS)} named detectors of detect-secrets, {len(secrets.OWN_FORMS)} more forms of "
        "tokens, and values of letters and digits that a name such as password or api_key announces; none by entropy",
        "cannot_see": "passwords in prose or without a digit, and keys without a form or a name of their own",
    }
}


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        found = secrets.secrets(f"{seen.prompt}\n{seen.answer}\n{seen.rest}\n{seen.beside}")
        if found:
            title = found[0][0]
            book.flag("secret", seen.number, seen.line, f"{title}.", title)


def conclude(state: None, book: Book, facts: Facts) -> None:
    book.say(MEASURES)
