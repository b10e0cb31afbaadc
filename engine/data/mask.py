"""Personal data is shown with its middle hidden, wherever text of a data set leaves the engine."""

from __future__ import annotations

import re
from typing import Any

from engine.data.personal import hide, personal_numbers
from engine.data.secrets import hide_secrets

# An address as people write it. The gate ("@" in text) keeps this off nearly every row.
# Not pictures for sharp screens (icon@2x.png) nor versions of packages (react@18.2.beta).
EMAIL = re.compile(
    r"[A-Za-z0-9À-ÖØ-öø-ÿ._%+-]{1,64}@(?!\dx\.(?:png|jpe?g|gif|webp|svg)\b|\d{1,3}\.\d)"
    r"(?:[A-Za-z0-9À-ÖØ-öø-ÿ_-]{1,63}\.){1,8}[A-Za-z]{2,24}"
)


def mask_text(text: str) -> str:
    """``jane.doe@example.com`` becomes ``j***@e***.com``; telephone, card, bank, social security and IP numbers keep
    their first two characters, keys and tokens their first four."""
    text = hide_secrets(text)
    text = hide(text, personal_numbers(text), lambda value: f"{value[:2]}***")
    return EMAIL.sub(_hide, text) if "@" in text else text


def mask_all(value: Any) -> Any:
    """The same for every string inside ``value`` (lists, tuples and dictionaries; keys too)."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {mask_text(key): mask_all(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mask_all(item) for item in value]
    if isinstance(value, tuple):
        return tuple(mask_all(item) for item in value)
    return value


def mask_bounded(value: Any, most: int) -> Any:
    """The same, every text being cut at ``most`` characters."""
    if isinstance(value, str):
        if len(value) > most:
            # A little more than is shown, so that an address at the cut is still seen whole and masked.
            return mask_text(value[: most + 400])[:most] + f"… ({len(value) - most:,} more characters)"
        return mask_text(value)
    if isinstance(value, dict):
        return {mask_text(key): mask_bounded(item, most) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(mask_bounded(item, most) for item in value)
    return value


def _hide(match: re.Match[str]) -> str:
    name, _, host = match[0].partition("@")
    return f"{name[0]}***@{host[0]}***.{host.rpartition('.')[2]}"


def excerpt(raw: bytes, limit: int = 200) -> str:
    """The start of a line as text that can be shown: bounded, personal data masked, undecodable bytes as U+FFFD."""
    # A little more than is shown, so that an address at the cut is still seen whole and masked.
    text = raw[: 4 * limit + 400].decode("utf-8", "replace").replace("\x00", "\ufffd")
    text = mask_text(text).strip("\r\n")
    return text if len(text) <= limit else text[:limit] + "…"
