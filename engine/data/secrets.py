"""Keys and tokens in text, by the named plugins of detect-secrets; none asks a server, none goes by entropy.

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
    return [(PLUGINS[name][2], value) for name in names for value in _values(name, text) if value]


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
