"""What belongs to the installation itself."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SignInLink(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField("SHA-256 of the token", max_length=64, unique=True)
    expires_at = models.FloatField("Unix seconds")

    def __str__(self) -> str:
        return f"Sign-in link for {self.user}"
