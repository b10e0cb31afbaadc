"""The store of answers: what is generated once is not generated again, by whatever evaluation."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from engine.evaluation import store_keys
from engine.evaluation.store import Kept, Store, open_store
from engine.evaluation.store_keys import content_of, endpoint_key, weights_key

KEPT = Kept("yes", 10, 4, True, 32, 0.5, 0.1, 8, False, 0.0625)
ASKED = [{"role": "user", "content": "x"}]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "answers.sqlite3")


@pytest.mark.parametrize(
    ("kept", "limit", "serves"),
    [
        (KEPT, 32, True),
        (KEPT, 512, True),
        (KEPT, 5, True),  # four tokens and the one that ends
        (KEPT, 4, False),
        (replace(KEPT, ended=False, tokens_out=32), 32, True),
        (replace(KEPT, ended=False, tokens_out=32), 64, False),
        (replace(KEPT, cut=True), 64, False),
        (replace(KEPT, cut=True), 32, True),
    ],
)
def test_an_answer_serves_another_limit_only_where_it_would_be_the_same(
    store: Store, kept: Kept, limit: int, serves: bool
) -> None:
    store.put("k", kept)
    assert store.get("k", limit) == (kept if serves else None)


def test_a_measurement_of_a_request_alone_is_not_lost(store: Store) -> None:
    alone = replace(KEPT, alone=True, batch=1)
    store.put("k", alone)
    store.put("k", KEPT)
    assert store.get("k", 32) == alone
    store.put("k", replace(alone, seconds=0.4))
    assert store.get("k", 32).seconds == 0.4


def test_it_drops_what_was_not_used_for_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("engine.evaluation.store.time.time", lambda: now[0])
    monkeypatch.setattr("engine.evaluation.store._LOOK_EVERY", 1)
    store = Store(tmp_path / "s", most_bytes=3000)
    for number in range(40):
        now[0] += 100_000
        store.get("0", 32)  # the first is used all the time
        store.put(str(number), KEPT)
        store._make_room()
    held = store._file.execute("SELECT sum(bytes) FROM answers").fetchone()[0]
    assert held <= 3000
    assert store.known(["0", "39", "1"]) == 2 and store.get("1", 32) is None


def test_two_jobs_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "s"
    failed: list[Exception] = []

    def write(name: str) -> None:
        try:
            store = Store(path)
            for number in range(60):
                store.put(f"{name}{number}", KEPT)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert Store(path).known([f"{name}{number}" for name in "abcd" for number in range(60)]) == 240


def test_weights_are_known_by_what_they_hold(store: Store, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "config.json").write_text("{}")
    assert content_of(store, one, None, read=False) is None, "a page does not read weights"
    assert content_of(store, one, None) == content_of(store, other, None) == content_of(store, one, None, read=False)
    before = content_of(store, one, other)
    (one / "model.safetensors").write_bytes(b"Weights")
    assert content_of(store, one, None) != content_of(store, other, None)
    assert before != content_of(store, one, other) != content_of(store, other, one)


def test_a_key_tells_apart_what_an_answer_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        weights_key("a", ASKED, None),
        weights_key("b", ASKED, None),
        weights_key("a", [*ASKED, *ASKED], None),
        weights_key("a", ASKED, [{"name": "tool"}]),
        weights_key("a", ASKED, None, today="2026-01-01"),
        endpoint_key("https://one/v1", "m", ASKED, None),
        endpoint_key("https://two/v1", "m", ASKED, None),
        endpoint_key("https://one/v1", "n", ASKED, None),
    }
    monkeypatch.setattr(store_keys, "DECODING", 0)
    keys.add(weights_key("a", ASKED, None))
    assert len(keys) == 9
    assert endpoint_key("https://one/v1/", "m", ASKED, None) == endpoint_key("https://one/v1", "m", ASKED, None)


def test_a_template_that_writes_the_date_makes_it_part_of_the_key(tmp_path: Path) -> None:
    assert store_keys.dated(tmp_path) == ""
    (tmp_path / "chat_template.jinja").write_text("{{ strftime_now('%d %b') }}")
    assert len(store_keys.dated(tmp_path)) == 10


def test_one_who_only_looks_makes_no_store(tmp_path: Path) -> None:
    assert open_store(tmp_path / "none") is None and not (tmp_path / "none").exists()
