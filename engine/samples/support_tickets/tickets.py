"""Draw support tickets whose answer can be read from their text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from engine.samples.support_tickets import phrases

NEAR_DUPLICATE = 0.6

Answer = dict[str, str | bool | None]


@dataclass(frozen=True, slots=True)
class Ticket:
    text: str
    answer: Answer


def to_answer(answer: Answer) -> str:
    """One line of JSON, keys in the order of the sample's prompt."""
    return json.dumps(answer, ensure_ascii=False)


def draw_tickets(random: Random, count: int) -> list[Ticket]:
    """Draw until `count` tickets are there: no order number twice, no two that share 60 % of their word pairs."""
    kept: list[Ticket] = []
    seen: list[set[tuple[str, str]]] = []
    orders: set[object] = set()
    while len(kept) < count:
        ticket = _draw_ticket(random)
        words = ticket.text.lower().split()
        pairs = set(pairwise(words))
        order = ticket.answer["order_id"]
        if order in orders or any(len(pairs & other) >= NEAR_DUPLICATE * len(pairs | other) for other in seen):
            continue
        if order is not None:
            orders.add(order)
        seen.append(pairs)
        kept.append(ticket)
    return kept


def _draw_ticket(random: Random) -> Ticket:
    category = random.choices(phrases.CATEGORIES, weights=(25, 28, 30, 17))[0]
    answer: Answer = {
        "category": category,
        "product": random.choice(phrases.PRODUCTS),
        "urgency": random.choices(phrases.URGENCIES, weights=(32, 36, 32))[0],
        "order_id": f"{random.choice('BHKT')}-{random.randint(1000, 9999)}" if random.random() < 0.88 else None,
        "wants_refund": random.random() < (0.25 if category == "account" else 0.5),
    }
    return Ticket(_write_text(random, answer), answer)


def _write_text(random: Random, answer: Answer) -> str:
    category, product, order = str(answer["category"]), str(answer["product"]), answer["order_id"]
    named = product if random.random() < 0.5 else f"{random.choice(phrases.ADJECTIVES[product])} {product}"
    detail = random.choice(phrases.DETAILS[product if category == "defect" else category])
    problem = random.choice(phrases.PROBLEMS[category]).format(product=named, detail=detail)
    order_form = random.choice(phrases.ORDERS if order else phrases.NO_ORDERS).format(order=order)
    wish = random.choice(phrases.REFUND if answer["wants_refund"] else phrases.NO_REFUND[category])
    haste = random.choice(phrases.HASTE[str(answer["urgency"])])
    filler = random.choice(phrases.FILLERS) if random.random() < 0.3 else ""
    text = _arrange(random, f"{problem}.", order_form, [wish, haste, filler])
    return _restyle(random, text, str(order or ""))


def _arrange(random: Random, problem: str, order_form: str, rest: list[str]) -> str:
    """The problem comes before the wishes that refer to it ("it"); the order number may stand anywhere."""
    random.shuffle(rest)
    parts = [problem, *rest]
    parts.insert(random.choice((0, 1, 1, len(parts))), order_form)
    if random.random() < 0.5:
        parts.insert(0, random.choice(phrases.OPENINGS))
    if random.random() < 0.4:
        parts.append(random.choice(phrases.CLOSINGS))
    return " ".join(part for part in parts if part)


def _restyle(random: Random, text: str, order: str) -> str:
    """People differ: one in six writes in small letters, one in twelve shouts."""
    style = random.random()
    if style < 1 / 6:
        return text.lower().replace(order.lower(), order) if order else text.lower()
    if style < 1 / 4:
        return text.replace(". ", "! ", 1)
    return text
