"""One address gives a page, or to htmx a part of it: caches are told, or "back" shows the part alone."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware

HEADERS = ("HX-Request", "HX-Target")


@sync_and_async_middleware
def vary_on_htmx(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            response = await get_response(request)
            patch_vary_headers(response, HEADERS)
            return response

        return answer_async

    def answer(request: HttpRequest) -> Any:
        response = get_response(request)
        patch_vary_headers(response, HEADERS)
        return response

    return answer
