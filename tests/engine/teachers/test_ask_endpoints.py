"""Asking an endpoint: what it answers, what it refuses, and what is done when it is busy, slow or broken."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from engine.errors import EngineError
from engine.teachers import Question, Stopped, endpoint, remote
from engine.teachers.endpoint import AskError, Client, Endpoint
from engine.teachers.pacing import retry_after
from tests.engine.teachers.openai_server import KEY, OpenAI, Script, failure, said, serving

HI = [{"role": "user", "content": "hi"}]


def ask(script: Script, **more: Any) -> tuple[Any, OpenAI]:
    with serving(script) as server:
        known = {"key": KEY, "per_minute": 0, "allow_private": True, **more}
        with Client(Endpoint("test", server.url, "small", **known)) as client:
            try:
                return client.ask(HI, max_tokens=7, temperature=0.5), server
            except AskError as error:
                return error, server


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FIRST_WAIT_S", 0.01)


def test_it_asks_in_the_protocol_and_counts_tokens() -> None:
    answer, server = ask(lambda world, body: said("Hello.", tokens_in=12, tokens_out=3))
    assert (answer.text, answer.finished, answer.tokens_in, answer.tokens_out) == ("Hello.", True, 12, 3)
    assert server.asked == [{"model": "small", "messages": HI, "max_tokens": 7, "temperature": 0.5}]
    assert server.keys == [f"Bearer {KEY}"]


def test_it_says_when_an_answer_was_cut() -> None:
    answer, _ = ask(lambda world, body: said("Hel", finish="length"))
    assert not answer.finished


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_it_asks_again_when_the_server_is_busy_or_broken(status: int) -> None:
    answer, server = ask(lambda world, body: failure(status, "busy") if len(world.asked) < 3 else "there")
    assert answer.text == "there"
    assert len(server.asked) == 3


def test_it_waits_as_long_as_it_is_told() -> None:
    answer, server = ask(lambda world, body: failure(429, "slow", Retry_After="1") if len(world.asked) < 2 else "ok")
    assert answer.text == "ok"
    assert server.times[1] - server.times[0] >= 0.95


def test_it_gives_up_at_once_when_the_pause_is_too_long() -> None:
    error, server = ask(lambda world, body: failure(429, "come back tomorrow", Retry_After="86400"))
    assert (error.kind, len(server.asked)) == ("busy", 1)
    assert "come back tomorrow" in error.text


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "key"), (403, "key"), (404, "model"), (400, "request"), (302, "redirect")]
)
def test_it_does_not_ask_again_what_was_refused(status: int, kind: str) -> None:
    error, server = ask(lambda world, body: failure(status, "no"))
    assert (error.kind, len(server.asked)) == (kind, 1)
    assert error.text
    assert error.remedy


def test_it_learns_what_a_reasoning_model_calls_its_limit() -> None:
    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        for name, use in (("max_tokens", "'max_completion_tokens' instead"), ("temperature", "no temperature")):
            if name in body:
                return failure(400, f"Unsupported parameter: use {use}.")
        return "fine"

    answer, server = ask(script)
    assert answer.text == "fine"
    assert server.asked[-1] == {"model": "small", "messages": HI, "max_completion_tokens": 7}


def test_it_hides_the_key_that_a_server_repeats() -> None:
    error, _ = ask(lambda world, body: failure(401, f"Incorrect API key provided: {KEY}"))
    assert "Incorrect API key" in error.text
    assert KEY not in error.text
    assert KEY[:12] not in error.text
    assert KEY not in repr(Endpoint("a", "https://a.example/v1", "m", key=KEY))


HUGE_COUNT = b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1e999}}'


@pytest.mark.parametrize(
    "body", [b"<html>Welcome</html>", b"{}", b'{"choices": []}', b"[" * 100_000, b"", b"\xff\xfe", HUGE_COUNT]
)
def test_it_calls_garbage_garbage(body: bytes) -> None:
    error, server = ask(lambda world, _: (200, {}, body))
    assert (error.kind, error.one, len(server.asked)) == ("protocol", True, 1)


def test_it_does_not_read_an_answer_without_end() -> None:
    huge = json.dumps({"choices": [{"message": {"content": "x" * (endpoint.MOST_BYTES + 10)}}]}).encode()
    error, _ = ask(lambda world, body: (200, {}, huge))
    assert (error.kind, error.one) == ("large", True)


def test_it_does_not_unpack_what_it_did_not_ask_to_be_packed() -> None:
    import gzip

    packed = gzip.compress(said("hello")[2])
    error, _ = ask(lambda world, body: (200, {"Content-Encoding": "gzip"}, packed))
    assert error.kind == "protocol"


def test_it_waits_no_longer_than_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ATTEMPTS", 2)

    def slow(world: OpenAI, body: dict[str, Any]) -> str:
        time.sleep(1.5)
        return "late"

    error, server = ask(slow, timeout_s=0.3)
    assert (error.kind, len(server.asked)) == ("timeout", 2)


def test_it_tells_a_missing_server_from_a_missing_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ATTEMPTS", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with Client(Endpoint("a", url, "m", allow_private=True)) as client, pytest.raises(AskError) as caught:
            client.ask(HI, max_tokens=1)
    assert caught.value.kind == "refused"
    with Client(Endpoint("a", "https://nowhere.invalid/v1", "m")) as client, pytest.raises(AskError) as caught:
        client.ask(HI, max_tokens=1)
    assert caught.value.kind == "dns"


def test_it_says_that_the_server_speaks_no_tls() -> None:
    with serving(lambda world, body: "hello") as server:
        url = server.url.replace("http://", "https://")
        with Client(Endpoint("a", url, "m", allow_private=True)) as client, pytest.raises(AskError) as caught:
            client.ask(HI, max_tokens=1)
    assert caught.value.kind == "tls"


def test_it_keeps_to_so_many_a_minute() -> None:
    with (
        serving(lambda world, body: "ok") as server,
        Client(Endpoint("a", server.url, "m", per_minute=240, allow_private=True)) as client,
    ):
        for _ in range(3):
            client.ask(HI, max_tokens=1)
    assert server.times[2] - server.times[0] >= 0.45


def test_it_reads_every_form_of_retry_after() -> None:
    assert retry_after("3") == 3.0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("soon") is None
    assert retry_after(None) is None


def test_it_gives_every_answer_that_came_before_the_refusal() -> None:
    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        return failure(401, "expired") if body["messages"][0]["content"] == "5" else "fine"

    got: list[int] = []
    with (
        serving(script) as server,
        remote.open_teacher(spec(server), "", lambda: False) as teacher,
        pytest.raises(EngineError) as caught,
    ):
        for reply in teacher.answers(questions(20)):
            got.append(reply.number)
    assert caught.value.reason == "Endpoint"
    assert set(got) >= {0, 1, 2, 3, 4}
    assert 5 not in got


def test_it_goes_on_after_one_bad_answer_and_ends_after_five() -> None:
    def script(world: OpenAI, body: dict[str, Any]) -> Any:
        return (200, {}, b"oops") if int(body["messages"][0]["content"]) in (2, *range(10, 30)) else "fine"

    replies = []
    with (
        serving(script) as server,
        remote.open_teacher(spec(server), "", lambda: False) as teacher,
        pytest.raises(EngineError),
    ):
        for reply in teacher.answers(questions(30)):
            replies.append(reply)
    assert next(reply.number for reply in replies if reply.problem) == 2
    assert {reply.number for reply in replies if not reply.problem} == {*range(10)} - {2}


def test_it_ends_when_it_is_asked_to() -> None:
    with (
        serving(lambda world, body: "fine") as server,
        remote.open_teacher(spec(server), "", lambda: len(server.asked) > 3) as teacher,
        pytest.raises(Stopped),
    ):
        list(teacher.answers(questions(500)))
    assert len(server.asked) < 20


def test_it_says_when_the_key_was_lost() -> None:
    with (
        pytest.raises(EngineError, match="could not be read"),
        remote.open_teacher({"base_url": "https://a.example/v1", "model": "m", "has_key": True}, "", lambda: True),
    ):
        pass


def spec(server: OpenAI) -> dict[str, Any]:
    return {
        "kind": "endpoint", "base_url": server.url, "model": "m", "per_minute": 60_000, "allow_private": True,
    }  # fmt: skip


def questions(count: int) -> list[Question]:
    return [Question(number, [{"role": "user", "content": str(number)}]) for number in range(count)]
