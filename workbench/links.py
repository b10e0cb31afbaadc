"""One-time sign-in links, as Jupyter prints them: a random token, kept only as a hash, good once and for a day."""

from __future__ import annotations

import hashlib
import secrets
import time

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from workbench.models import SignInLink


def owner() -> User:
    """The person the installation belongs to: the first administrator, made on first use."""
    users = get_user_model().objects
    found = users.filter(is_superuser=True, is_active=True).order_by("id").first()
    if found is None:
        found = User(username="owner", is_staff=True, is_superuser=True)
        found.set_unusable_password()
        found.save()
    return found


def make(user: User) -> str:
    """A new token for ``user``."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.filter(expires_at__lt=time.time()).delete()
    SignInLink.objects.create(
        user=user, digest=_digest(token), expires_at=time.time() + settings.SIGN_IN_LINK_MAX_AGE_S
    )
    return token


def use(token: str) -> User | None:
    """The person a token belongs to, once; None for a used, old or unknown one."""
    with transaction.atomic():
        link = SignInLink.objects.filter(digest=_digest(token), expires_at__gte=time.time()).first()
        if link is None or not SignInLink.objects.filter(pk=link.pk).delete()[0]:
            return None
    return link.user if link.user.is_active else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
