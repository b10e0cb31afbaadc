"""Which hosts an endpoint may have: the machine's own services and its neighbours are out of reach."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from engine.teachers import addresses
from engine.teachers.endpoint import AskError, Client, Endpoint
from tests.engine.teachers.openai_server import serving

INNER = [
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "198.18.0.1",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "fec0::1",
    "2002:7f00:1::1",
    "2130706433",  # 127.0.0.1 as one number
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "localhost",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("host", INNER)
def test_it_refuses_inner_addresses_however_they_are_written(host: str) -> None:
    with pytest.raises((addresses.Refused, addresses.Unknown)):
        addresses.resolve(host, 80, allow_private=False)


@pytest.mark.parametrize("host", PUBLIC)
def test_it_lets_public_addresses_pass(host: str) -> None:
    assert addresses.resolve(host, 443, allow_private=False) == [host]


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost", "0x7f.1"])
def test_it_sends_nothing_to_an_inner_address(host: str) -> None:
    with serving(lambda world, body: "hello") as server:
        endpoint = Endpoint("inside", f"http://{host}:{server.port}/v1", "m", key="sk-secret")
        with Client(endpoint) as client, pytest.raises(AskError) as caught:
            client.ask([{"role": "user", "content": "hi"}], max_tokens=1)
    assert caught.value.kind in ("private", "dns")
    assert server.asked == []


def test_it_refuses_a_name_with_one_inner_address_among_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["93.184.216.34", "10.0.0.7"])
    with pytest.raises(addresses.Refused, match=r"api\.example\.com \(10\.0\.0\.7\)"):
        addresses.resolve("api.example.com", 443, allow_private=False)


def test_it_connects_to_the_address_it_has_checked_and_asks_for_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when it is checked and inner when it is connected to would get through otherwise."""
    with serving(lambda world, body: "hello") as server:
        looked_up = answers(monkeypatch, ["127.0.0.1"])
        endpoint = Endpoint("named", f"http://api.example.test:{server.port}/v1", "m", allow_private=True)
        with Client(endpoint) as client:
            assert client.ask([{"role": "user", "content": "hi"}], max_tokens=1).text == "hello"
        assert server.hosts == [f"api.example.test:{server.port}"]
    # The connection itself is made to an address: looking that up asks no name server.
    assert [host for host in looked_up if host == "api.example.test"] == ["api.example.test"]
    assert set(looked_up) <= {"api.example.test", "127.0.0.1"}


def test_it_does_not_follow_a_redirect() -> None:
    with serving(lambda world, body: "inner") as inner:
        to = {"Location": f"http://127.0.0.1:{inner.port}/v1/chat/completions"}
        with serving(lambda world, body: (307, to, b"")) as server:
            endpoint = Endpoint("moved", server.url, "m", key="sk-secret", allow_private=True)
            with Client(endpoint) as client, pytest.raises(AskError) as caught:
                client.ask([{"role": "user", "content": "hi"}], max_tokens=1)
    assert caught.value.kind == "redirect"
    assert inner.asked == []


def test_it_sends_no_key_over_the_internet_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["93.184.216.34"])
    with (
        Client(Endpoint("plain", "http://api.example.com/v1", "m", key="sk-secret")) as client,
        pytest.raises(AskError) as caught,
    ):
        client.ask([{"role": "user", "content": "hi"}], max_tokens=1)
    assert caught.value.kind == "plain"


def answers(monkeypatch: pytest.MonkeyPatch, found: list[str]) -> list[str]:
    """Names resolve to ``found``; returns the list of the hosts that are looked up from here on."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        asked.append(host)
        if "example" in str(host):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]
        return real(host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked
