"""Keys and tokens in text, by the named plugins of detect-secrets and a few forms more, and values that a name such as
password announces; none asks a server, none goes by entropy.

The default set of that library drowns prose in entropy hits, so plugins are named one by one, each behind words
without which it cannot match: most rows are passed over in a microsecond.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any

# A word without which a plugin cannot match → plugin → (module below detect_secrets.plugins, words of which one must
# be there too, what it finds). Looking for a word is the cost, so the words that open a group are few and rare.
GROUPS: dict[str, dict[str, tuple[str, tuple[str, ...], str]]] = {
    "_": {
        "GitHubTokenDetector": ("github_token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), "GitHub token"),
        "StripeDetector": ("stripe", ("k_live_",), "Stripe key"),
        "NpmDetector": ("npm", ("_authToken=",), "npm token"),
    },
    "-": {
        "GitLabTokenDetector": ("gitlab_token", ("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-"), "GitLab token"),
        "MailchimpDetector": ("mailchimp", ("-us",), "Mailchimp key"),
        "PypiTokenDetector": ("pypi_token", ("pypi-Ag",), "PyPI token"),
        "SlackDetector": ("slack", ("xox",), "Slack token"),
        "PrivateKeyDetector": ("private_key", ("PRIVATE KEY", "PuTTY-User-Key"), "private key"),
    },
    "://": {"BasicAuthDetector": ("basic_auth", ("@",), "password in a URL")},
    "AccountKey=": {"AzureStorageKeyDetector": ("azure_storage_key", ("",), "Azure storage key")},
    "eyJ": {"JwtTokenDetector": ("jwt", ("",), "JSON web token")},
    "T3BlbkFJ": {"OpenAIDetector": ("openai", ("",), "OpenAI key")},
    "SG.": {"SendGridDetector": ("sendgrid", ("",), "SendGrid key")},
    "sq0csp": {"SquareOAuthDetector": ("square_oauth", ("",), "Square secret")},
    ":AA": {"TelegramBotTokenDetector": ("telegram_token", ("",), "Telegram token")},
    "aws": {"AWSKeyDetector": ("aws", ("",), "AWS key")},
}
# Two whose words would be letters of every text: one scan for both.
_BY_FORM = re.compile(r"A(?:KIA|SIA|BIA|CCA|3T)[0-9A-Z]{16}|(?:AC|SK)[a-z0-9]{32}")
TWILIO = ("twilio", ("",), "Twilio key")
PLUGINS = {name: about for group in GROUPS.values() for name, about in group.items()} | {"TwilioKeyDetector": TWILIO}
# Tokens of services that the library does not know (or by an older form): opening → (what follows it, what it is).
OWN_FORMS: dict[str, tuple[str, str]] = {
    "hf_": (r"[A-Za-z0-9]{30,40}", "Hugging Face token"),
    "AIza": (r"[0-9A-Za-z_-]{35}", "Google API key"),
    "ya29.": (r"[0-9A-Za-z_-]{30,}", "Google access token"),
    "GOCSPX-": (r"[0-9A-Za-z_-]{24,32}", "Google client secret"),
    "sk-ant-": (r"[0-9A-Za-z_-]{24,}", "Anthropic key"),
    "sk-proj-": (r"[0-9A-Za-z_-]{24,}", "OpenAI key"),
    "sk-svcacct-": (r"[0-9A-Za-z_-]{24,}", "OpenAI key"),
    "sk-or-v1-": (r"[0-9a-f]{40,}", "OpenRouter key"),
    "github_pat_": (r"[0-9A-Za-z_]{22,}", "GitHub token"),
    "npm_": (r"[0-9A-Za-z]{36}", "npm token"),
    "gsk_": (r"[0-9A-Za-z]{40,}", "Groq key"),
    "shpat_": (r"[0-9a-f]{32}", "Shopify token"),
    "dop_v1_": (r"[0-9a-f]{64}", "DigitalOcean token"),
}
_FORM_OF = {
    opening: re.compile(rf"(?<![A-Za-z0-9_-]){re.escape(opening)}{rest}(?![A-Za-z0-9])")
    for opening, (rest, _) in OWN_FORMS.items()
}
# A value that a name announces: password: …, "api_key" = "…". It has a letter and a digit, and is no placeholder, no
# expression of a program and no masked value.
_NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|(?:api|secret|access|private)[_-]?key|(?:access|auth|api|bearer|refresh)[_-]?token)"
    r"[\"'`]?[ \t]{0,3}(?::=|[:=])"
)
ANNOUNCED = re.compile(
    rf"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{{1,20}}[_-]){{0,3}}{_NAMES}[ \t]{{0,3}}[\"'`]?"
    r"([A-Za-z0-9!#$%&*+./=?@^_~-]{8,120})(?![A-Za-z0-9(\[{<])",
    re.IGNORECASE,
)
# What engine/data/gates.py lets through to these: the names, and the openings.
GATE = "|".join((_NAMES, *(re.escape(opening) + r"[0-9A-Za-z_-]{20}" for opening in OWN_FORMS)))
_ANNOUNCES = ("pass", "pwd", "secret", "key", "token")
_NO_SECRET = re.compile(
    r"your|my[_-]|example|sample|placeholder|change|dummy|xxx|\*\*|\.\.\.|\$\{|pass(?:word|wd)|secret|token|api[_-]?key|getenv"
    r"|environ|process\.|config|://|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$|^(?:abc|test|foo|user|admin|key)[_-]?\d{0,4}$|^\$"
    r"|^[a-z]+\d?$",
    re.IGNORECASE | re.ASCII,
)
_LEAST_NAMED = 8
NAMED = "password or key by name"
# Two patterns name only the prefix of what they find: the value is the whole match.
_WHOLE = ("GitHubTokenDetector", "GitLabTokenDetector")
# And that of web tokens ends before the signature.
_SIGNATURE = r"[\w.+/=-]*"
# The detector names the first line of a private key; what follows it is the secret.
_KEY_BODY = re.compile(r"(BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-*).*?(?=-----END|$)", re.DOTALL)


@cache
def _plugin(name: str) -> Any:
    return getattr(import_module(f"detect_secrets.plugins.{PLUGINS[name][0]}"), name)()


def secrets(text: str) -> list[tuple[str, str]]:
    """(what it is, the value) of every secret in ``text``."""
    names = [
        name
        for opening, group in GROUPS.items()
        if opening in text
        for name, (_, words, _) in group.items()
        if any(word in text for word in words)
    ]
    if _BY_FORM.search(text):
        names += [name for name in ("AWSKeyDetector", "TwilioKeyDetector") if name not in names]
    found = [(PLUGINS[name][2], value) for name in names for value in _values(name, text) if value]
    for opening, (_, title) in OWN_FORMS.items():
        if opening in text:
            found += [(title, value) for value in sorted(set(_FORM_OF[opening].findall(text)))]
    return found + [(NAMED, value) for value in _announced(text) if not any(value in known for _, known in found)]


def _announced(text: str) -> list[str]:
    if ":" not in text and "=" not in text:
        return []
    lower = text.lower()
    if not any(word in lower for word in _ANNOUNCES):
        return []
    values = {match[1].rstrip(".!?") for match in ANNOUNCED.finditer(text)}
    return sorted(value for value in values if _is_secret(value))


def _is_secret(value: str) -> bool:
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return mixed and len(value) >= _LEAST_NAMED and not _NO_SECRET.search(value)


def _values(name: str, text: str) -> list[str]:
    plugin = _plugin(name)
    if name in _WHOLE:
        return sorted({match[0] for pattern in plugin.denylist for match in pattern.finditer(text)})
    found = sorted(str(value) for value in plugin.analyze_string(text) if value)
    if name == "JwtTokenDetector":
        return sorted({match[0] for value in found for match in re.finditer(re.escape(value) + _SIGNATURE, text)})
    return found


def hide_secrets(text: str) -> str:
    """``text`` with secrets cut to four characters (short ones to one), and private keys to their first line."""
    for title, value in secrets(text):
        if title == "private key":
            text = _KEY_BODY.sub(r"\1 *** ", text)
        else:
            text = text.replace(value, f"{value[: 4 if len(value) > 16 else 1]}***")
    return text
