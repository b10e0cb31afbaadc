"""A file that somebody wrote to be read, as plain text: .txt and .md as they are, .html without its markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from engine.data.errors import DataError

FORMS = (".txt", ".md", ".html", ".htm")
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure",
     "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre",
     "section", "table", "tr", "ul"}
)  # fmt: skip
_UNSEEN = frozenset(("script", "style", "template", "noscript", "head"))
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")
_GAPS = re.compile(r"\n\s*\n\s*")


def read_document(name: str, raw: bytes) -> str:
    """The text of a document. Raises DataError for another kind of file, for bytes that are no UTF-8 text, and for a
    document without a word."""
    ending = "." + name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if ending not in FORMS:
        raise DataError(f"{name} is not a text file ({', '.join(FORMS)}).", "Save it as plain text, then upload that.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not UTF-8: byte {error.start + 1:,} cannot be read.", "Save it in UTF-8, then upload it again."
        ) from None
    if "\x00" in text:
        raise DataError(f"{name} holds NUL bytes: it is no text.", "Save it as plain text, then upload that.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if ending in (".html", ".htm"):
        text = text_of_html(text)
    if not text.split():
        raise DataError(f"{name} holds no word.", "Upload a document with text in it.")
    return text.strip() + "\n"


def text_of_html(source: str) -> str:
    """What a page shows, block by block; scripts, styles and the head are left out. Bears any markup."""
    parser = _Text()
    parser.feed(source)
    parser.close()
    lines = (_BLANKS.sub(" ", line).strip() for line in "".join(parser.found).split("\n"))
    return _GAPS.sub("\n\n", "\n".join(lines)).strip()


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._unseen = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._unseen and tag in _UNSEEN:
            self._unseen = tag
        elif tag in _BLOCKS and not self._unseen:
            self.found.append("\n\n" if tag != "br" else "\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS and not self._unseen:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._unseen:
            self._unseen = ""
        elif tag in _BLOCKS and not self._unseen:
            self.found.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            # A line break in the source is a blank on the page.
            self.found.append(data.replace("\n", " "))
