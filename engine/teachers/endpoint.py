"""An OpenAI-compatible endpoint (`POST BASE_URL/chat/completions`), asked carefully.

httpx2 rather than the openai library: what matters here is to connect to the very address that was checked, to follow
no redirect, to bound the answer's size, and to say each failure in words; that library hides these, and adds nothing
to one POST.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from engine.data.mask import mask_text
from engine.teachers import Stopped, addresses
from engine.teachers.pacing import Pace, retry_after

MOST_BYTES = 4 << 20
ATTEMPTS = 6
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 120.0
_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True)
class Endpoint:
    """Where to ask. ``key`` is never in the text of it, so that no message or traceback can show it."""

    name: str
    base_url: str
    model: str
    key: str = field(default="", repr=False)
    per_minute: int = 60
    timeout_s: float = 60.0
    allow_private: bool = False

    @property
    def url(self) -> str:
        return self.base_url.rstrip("/") + "/chat/completions"

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""


@dataclass(frozen=True, slots=True)
class Answer:
    """``finished`` is False when the answer was cut at the limit of tokens. Tokens are as the server counts them."""

    text: str
    finished: bool
    tokens_in: int
    tokens_out: int
    seconds: float


class AskError(Exception):
    """The question has no answer. ``kind`` is one word, ``text`` and ``remedy`` are for a person.

    ``again`` says that the same question may succeed later; ``one`` that only this question failed and the next may
    be asked (an answer too large, or not in the protocol).
    """

    def __init__(self, kind: str, text: str, remedy: str, *, again: bool = False, one: bool = False) -> None:
        super().__init__(text)
        self.kind, self.text, self.remedy, self.again, self.one = kind, text, remedy, again, one
        self.wait_s: float | None = None


class Client:
    """Asks one endpoint; used from several threads at once. Use as a context manager."""

    def __init__(self, endpoint: Endpoint, stop: Callable[[], bool] = lambda: False) -> None:
        self.endpoint = endpoint
        self._stop = stop
        self._pace = Pace(endpoint.per_minute)
        self._limit, self._takes_temperature = "max_tokens", True
        self._http = httpx2.Client(
            transport=_CheckedTransport(endpoint.allow_private),
            timeout=httpx2.Timeout(endpoint.timeout_s, connect=min(15.0, endpoint.timeout_s)),
            follow_redirects=False,
            trust_env=False,
        )

    def ask(
        self,
        messages: list[dict[str, Any]],
        *,
        max_tokens: int,
        temperature: float | None = None,
        tools: list[Any] | None = None,
    ) -> Answer:
        """One answer, asked again with growing pauses while that may help. Raises AskError, Stopped."""
        wait = FIRST_WAIT_S
        for attempt in range(1, ATTEMPTS + 1):
            self._pace.wait(self._stop_or_raise)
            try:
                return self.ask_once(messages, max_tokens=max_tokens, temperature=temperature, tools=tools)
            except AskError as error:
                pause = error.wait_s if error.wait_s is not None else wait
                if not error.again or attempt == ATTEMPTS or pause > LONGEST_WAIT_S:
                    raise
                self._pace.hold(pause)
                wait = min(LONGEST_WAIT_S, wait * 2)
        raise AssertionError("unreachable")

    def ask_once(
        self,
        messages: list[dict[str, Any]],
        *,
        max_tokens: int,
        temperature: float | None = None,
        tools: list[Any] | None = None,
    ) -> Answer:
        """The same, asked once only."""
        body: dict[str, Any] = {"model": self.endpoint.model, "messages": messages, self._limit: max_tokens}
        if temperature is not None and self._takes_temperature:
            body["temperature"] = temperature
        if tools:
            body["tools"] = tools
        started = time.monotonic()
        status, headers, raw = self._post(body)
        if status == 400 and self._learn(raw, body):
            return self.ask_once(messages, max_tokens=max_tokens, temperature=temperature, tools=tools)
        if status != 200:
            raise self._refusal(status, headers, raw)
        return _read(raw, time.monotonic() - started)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _learn(self, raw: bytes, body: dict[str, Any]) -> bool:
        """Reasoning models name the limit otherwise and take no temperature; servers say so. True: ask again."""
        if "max_tokens" in body and b"max_completion_tokens" in raw:
            self._limit = "max_completion_tokens"
        elif "temperature" in body and b"temperature" in raw:
            self._takes_temperature = False
        else:
            return False
        return True

    def _stop_or_raise(self) -> None:
        if self._stop():
            raise Stopped

    def _post(self, body: dict[str, Any]) -> tuple[int, httpx2.Headers, bytes]:
        # Uncompressed: a few bytes must not unpack to gigabytes.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if self.endpoint.key:
            headers["Authorization"] = f"Bearer {self.endpoint.key}"
        deadline = time.monotonic() + self.endpoint.timeout_s
        raw = bytearray()
        try:
            with self._http.stream("POST", self.endpoint.url, json=body, headers=headers) as response:
                for chunk in response.iter_raw(1 << 16):
                    raw += chunk
                    self._stop_or_raise()
                    if len(raw) > MOST_BYTES:
                        raise _too_large()
                    if time.monotonic() > deadline:
                        raise self._timeout()
                return response.status_code, response.headers, bytes(raw)
        except httpx2.TimeoutException:
            raise self._timeout() from None
        except (httpx2.TransportError, httpx2.InvalidURL, addresses.Refused, addresses.Unknown) as error:
            raise self._unreachable(error) from None

    def _timeout(self) -> AskError:
        text = f"{self.endpoint.host} did not answer within {self.endpoint.timeout_s:g} seconds."
        return AskError("timeout", text, "Try again later, or give the endpoint a longer timeout.", again=True)

    def _unreachable(self, error: Exception) -> AskError:
        host = self.endpoint.host
        if isinstance(error, addresses.Refused):
            return AskError(
                "private",
                f"This address may not be asked: {error}.",
                "Use a public endpoint, or have the administrator set WORKBENCH_ALLOW_PRIVATE_ENDPOINTS=1.",
            )
        if isinstance(error, addresses.Unknown):
            return AskError("dns", f"There is no such host: {error}.", "Check the base URL.")
        if isinstance(error, _Unencrypted):
            return AskError("plain", str(error), "Write the base URL with https://.")
        if _is_tls(error):
            said = self._clean(str(error).encode())
            return AskError(
                "tls", f"The secure connection to {host} failed: {said}", "Check host name and certificate."
            )
        if isinstance(error, httpx2.ConnectError):
            return AskError(
                "refused",
                f"{host} does not take the connection.",
                "Check host and port, and that the server runs.",
                again=True,
            )
        text = f"The connection to {host} broke ({type(error).__name__})."
        return AskError("broken", text, "Try again later.", again=True)

    def _refusal(self, status: int, headers: httpx2.Headers, raw: bytes) -> AskError:
        said = self._clean(_said(raw))
        host, model = self.endpoint.host, self.endpoint.model
        if 300 <= status < 400:
            text = f"{host} sends on to another address ({status}); redirects are not followed."
            return AskError("redirect", text, "Give the address it leads to as the base URL, if you trust it.")
        if status in (401, 403):
            return AskError("key", f"{host} refuses the key ({status}). {said}", "Save a valid key for this endpoint.")
        if status == 404:
            text = f"{host} has no such path, or no model {model!r} (404). {said}"
            return AskError("model", text, "Check the model's name, and that the base URL ends in /v1 if it must.")
        error = AskError(
            "busy" if status == 429 else "server" if status >= 500 else "request",
            f"{host} asks for a pause (429: too many requests, or no credit left). {said}"
            if status == 429
            else f"{host} answers {status}. {said}",
            "Ask fewer times a minute, or look at the account." if status == 429 else "Read what the server says.",
            again=status in _AGAIN,
        )
        error.wait_s = retry_after(headers.get("Retry-After"))
        return error

    def _clean(self, raw: bytes) -> str:
        """What a server says, short, with secrets hidden: some echo the key."""
        text = raw[:4000].decode("utf-8", "replace").replace("\x00", "")
        if self.endpoint.key:
            text = text.replace(self.endpoint.key, "…")
        text = " ".join(mask_text(text).split())
        return f"It says: {text[:300]}" if text else ""


class _Unencrypted(httpx2.TransportError):
    """A key must not travel over the internet for all to read."""


class _CheckedTransport(httpx2.BaseTransport):
    """Connects to the address that was checked; the host's name stays in the request and in the certificate check."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpx2.HTTPTransport(
            trust_env=False,
            limits=httpx2.Limits(max_connections=32, max_keepalive_connections=0),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        found = addresses.resolve(url.host, port, allow_private=self._allow_private)
        if url.scheme != "https" and not all(addresses.why_private(address) for address in found):
            raise _Unencrypted(f"{url.host} would be asked without encryption, with the key for all to read.")
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        for place, address in enumerate(found):
            request.url = url.copy_with(host=address)
            try:
                return self._inner.handle_request(request)
            except httpx2.ConnectError as error:
                if place == len(found) - 1 or _is_tls(error):
                    raise
            finally:
                request.url = url
        raise addresses.Unknown(f"{url.host} has no address")

    def close(self) -> None:
        self._inner.close()


def _is_tls(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _said(raw: bytes) -> bytes:
    """The message inside an error in OpenAI's form, or the bytes as they are."""
    try:
        error = json.loads(raw)["error"]
        return str(error["message"] if isinstance(error, dict) else error).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return raw


def _too_large() -> AskError:
    text = f"The answer is larger than {MOST_BYTES >> 20} MB and was not read to its end."
    return AskError("large", text, "Check that the base URL leads to an OpenAI-compatible API.", one=True)


def _read(raw: bytes, seconds: float) -> Answer:
    try:
        document = json.loads(raw)
        choice = document["choices"][0]
        content = choice["message"].get("content")
        usage = document.get("usage") or {}
        tokens_in, tokens_out = (int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError):
        raise AskError(
            "protocol",
            "The answer is not JSON in the form of the OpenAI API.",
            "Check that the base URL leads to an OpenAI-compatible API; it usually ends in /v1.",
            one=True,
        ) from None
    text = content if isinstance(content, str) else ""
    calls = choice["message"].get("tool_calls")
    if not text and isinstance(calls, list) and calls:
        # As a row's tool call is compared with it: engine/data/example.py, turn_text.
        text = json.dumps(calls, ensure_ascii=False)
    return Answer(text, choice.get("finish_reason") != "length", tokens_in, tokens_out, seconds)
