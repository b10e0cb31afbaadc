"""Keys of endpoints at rest: encrypted under a key derived from the secret key of the site, which no database holds."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """It was sealed under another secret key, or is damaged."""


def seal(text: str) -> str:
    """``text`` encrypted and authenticated (Fernet: AES-128-CBC with HMAC-SHA256)."""
    return _fernet().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """The text again. Raises Unreadable."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable("The key can no longer be read: the secret key of this workbench has changed.") from None


def _fernet() -> Fernet:
    # HKDF (RFC 5869) with a purpose of its own, so that what signs sessions never encrypts.
    derived = HKDF(SHA256(), 32, salt=None, info=b"workbench endpoint keys").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
