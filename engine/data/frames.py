"""A chat template filled in without running it for each row, where that cannot make a difference.

Many templates put each turn's content between fixed words that depend on the roles alone. Which do is read off their
syntax: content may only be joined and written out, never tested, changed or handed on. Then one run for each order of
roles gives the words around the contents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, nodes

from engine.data.example import Message

MOST_ORDERS = 4096
_SPECIAL = frozenset({"bos_token", "eos_token", "unk_token", "pad_token"})
_MARK = "\ue000{}\ue001"


class Frames:
    """``render`` runs the template: (messages, tools, whether it ends by asking for the answer) → text."""

    def __init__(self, template: str, render: Callable[[list[Message], list[Any] | None, bool], str]) -> None:
        self._render = render
        self._plain = only_writes_content(template)
        self._known: dict[tuple[object, ...], list[str] | None] = {}

    def fill(self, messages: list[Message], tools: list[Any] | None, ask: bool) -> str:
        """The same text as ``render``; raises what it raises."""
        if not self._plain or tools is not None or any(len(message) != 2 for message in messages):
            return self._render(messages, tools, ask)
        order = (ask, *(message["role"] for message in messages))
        if order not in self._known and len(self._known) < MOST_ORDERS:
            self._known[order] = self._around([str(role) for role in order[1:]], ask)
        around = self._known.get(order)
        if around is None:
            return self._render(messages, tools, ask)
        parts = [around[0]]
        for message, after in zip(messages, around[1:], strict=True):
            parts += (message["content"], after)
        return "".join(parts)

    def _around(self, roles: list[str], ask: bool) -> list[str] | None:
        """The words before, between and after the contents; None when a content is left out or comes twice."""
        marks = [_MARK.format(place) for place in range(len(roles))]
        turns: list[Message] = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
        text = self._render(turns, None, ask)
        around = []
        for mark in marks:
            if text.count(mark) != 1:
                return None
            before, _, text = text.partition(mark)
            around.append(before)
        return None if "\ue000" in "".join(around) + text else [*around, text]


def only_writes_content(template: str) -> bool:
    """Is what a message says only ever joined to other text and written out?"""
    try:
        tree = Environment(autoescape=False, extensions=["jinja2.ext.loopcontrols"]).parse(template)  # noqa: S701 - parsed, never run
    except Exception:  # noqa: BLE001 - a syntax of its own: the template is run for each row
        return False
    if any(True for _ in tree.find_all((nodes.Filter, nodes.Macro, nodes.CallBlock, nodes.FilterBlock))):
        return False
    if any(
        not (isinstance(c.node, nodes.Name) and c.node.name == "raise_exception") for c in tree.find_all(nodes.Call)
    ):
        return False
    written = [part for output in tree.find_all(nodes.Output) for part in output.nodes]
    if not all(_joins(part) for part in written if not isinstance(part, nodes.Call)):
        return False
    everywhere = [_key(node) for node in tree.find_all((nodes.Getitem, nodes.Getattr))]
    in_outputs = [_key(node) for part in written for node in (part, *part.find_all((nodes.Getitem, nodes.Getattr)))]
    return everywhere.count("content") == in_outputs.count("content")


def _joins(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Add):
        return _joins(node.left) and _joins(node.right)
    if isinstance(node, nodes.Concat):
        return all(_joins(each) for each in node.nodes)
    if isinstance(node, nodes.Name):
        return node.name in _SPECIAL
    return isinstance(node, (nodes.TemplateData, nodes.Const)) or _key(node) in ("role", "content")


def _key(node: nodes.Node) -> str:
    """``message['content']`` and ``message.content`` are ``content``."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return str(node.arg.value)
    return ""
