"""An OpenAI-compatible endpoint as a teacher: a few questions at once, each asked again while that may help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any

from engine.errors import EngineError
from engine.teachers import Question, Reply, Stopped
from engine.teachers.endpoint import Answer, AskError, Client, Endpoint

AT_ONCE = 4
# So many unusable answers one after the other are no accident.
MOST_BAD = 5
# Failures that another question need not meet: it may be shorter, or come at a better moment.
ONE_OF_MANY = frozenset({"request", "server", "timeout", "broken"})


@contextmanager
def open_teacher(spec: dict[str, Any], key: str, stop: Callable[[], bool]) -> Iterator[RemoteTeacher]:
    """Raises EngineError("Config") when the endpoint has a key and none was handed over."""
    if spec.get("has_key") and not key:
        raise EngineError(
            "Config",
            f"The key of the endpoint {spec.get('name', '')} could not be read.",
            "Save the key again: it cannot be read when the secret key of the workbench has changed.",
        )
    endpoint = Endpoint(
        name=str(spec.get("name", "")),
        base_url=str(spec["base_url"]),
        model=str(spec["model"]),
        key=key,
        per_minute=int(spec.get("per_minute") or 60),
        timeout_s=float(spec.get("timeout_s") or 60),
        allow_private=bool(spec.get("allow_private")),
    )
    with Client(endpoint, stop) as client:
        forgiving = bool(spec.get("forgiving"))
        yield RemoteTeacher(client, int(spec.get("max_tokens") or 1024), spec.get("temperature"), stop, forgiving)


class RemoteTeacher:
    def __init__(
        self,
        client: Client,
        max_tokens: int,
        temperature: float | None,
        stop: Callable[[], bool],
        forgiving: bool = False,
    ) -> None:
        """``forgiving``: a request that the server refuses or does not answer costs that question alone."""
        self._client, self._max_tokens, self._temperature, self._stop = client, max_tokens, temperature, stop
        self._forgiving = forgiving

    def answers(self, questions: Iterable[Question], *, at_once: int = AT_ONCE) -> Iterator[Reply]:
        """Raises EngineError once the endpoint refuses for good, after the answers under way were given out."""
        waiting = iter(questions)
        bad = 0
        failed: EngineError | None = None
        with ThreadPoolExecutor(at_once) as pool:
            asked = {self._put(pool, question): question for question in islice(waiting, at_once)}
            while asked:
                done, _ = wait(asked, timeout=0.5, return_when=FIRST_COMPLETED)
                if self._stop():
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise Stopped
                for future in done:
                    try:
                        reply = self._reply(asked.pop(future), future)
                    except EngineError as error:
                        failed = failed or error
                        continue
                    bad = bad + 1 if reply.problem else 0
                    if bad >= MOST_BAD:
                        failed = failed or EngineError("Endpoint", reply.problem, "Test the endpoint on its page.")
                    yield reply
                    if failed is None:
                        asked.update({self._put(pool, question): question for question in islice(waiting, 1)})
        if failed is not None:
            raise failed

    def _put(self, pool: ThreadPoolExecutor, question: Question) -> Future[Answer]:
        return pool.submit(
            self._client.ask,
            question.messages,
            max_tokens=self._max_tokens,
            temperature=self._temperature,
            tools=question.tools,
        )

    def _reply(self, question: Question, future: Future[Answer]) -> Reply:
        try:
            answer = future.result()
        except AskError as error:
            if error.one or (self._forgiving and error.kind in ONE_OF_MANY):
                return Reply(question.number, "", problem=error.text)
            raise EngineError("Endpoint", error.text, f"{error.remedy} Retry goes on where it stopped.") from None
        return Reply(
            question.number,
            answer.text,
            answer.finished,
            answer.tokens_in,
            answer.tokens_out,
            seconds=answer.seconds,
        )
