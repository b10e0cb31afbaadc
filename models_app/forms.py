from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings

from models_app.models import Endpoint
from projects_app.models import Project

PRICE = "For the cost that a run shows; leave it out when the endpoint is free."


class EndpointForm(forms.ModelForm[Endpoint]):
    """The key is written only: a bound form never shows it again."""

    key = forms.CharField(
        max_length=500,
        required=False,
        label="API key",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False),
        help_text="Stored encrypted and never shown again. Leave it empty for a server that asks for none.",
    )
    per_minute = forms.IntegerField(
        min_value=1, max_value=6000, initial=60, label="Requests a minute", help_text="At most so many are sent."
    )
    timeout_s = forms.IntegerField(
        min_value=5, max_value=600, initial=60, label="Timeout", help_text="How long one answer may take."
    )

    class Meta:
        model = Endpoint
        fields = ["name", "base_url", "model", "key", "per_minute", "timeout_s", "price_in", "price_out"]
        help_texts = {
            "name": "What people here will call it.",
            "base_url": "Of an OpenAI-compatible API, for example https://api.example.com/v1.",
            "model": "As the server names it.",
            "price_in": PRICE,
            "price_out": PRICE,
        }

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        self.order_fields(self.Meta.fields)
        for name, unit in (
            ("timeout_s", "seconds"),
            ("price_in", "a million tokens"),
            ("price_out", "a million tokens"),
        ):
            self.fields[name].unit = unit  # type: ignore[attr-defined]
        for name in ("price_in", "price_out"):
            self.fields[name].min_value = 0  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if self.project.endpoints.filter(name=name).exists():
            raise forms.ValidationError(
                "This project has an endpoint of this name. Choose another, or delete that one."
            )
        return name

    def clean_base_url(self) -> str:
        """A scheme and a host; what the host resolves to is looked at with every request."""
        url = str(self.cleaned_data["base_url"]).strip().rstrip("/")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise forms.ValidationError("This is not an address. Write it like https://api.example.com/v1.") from None
        if parts.scheme not in ("http", "https") or not host or any(char.isspace() for char in url):
            raise forms.ValidationError("This is not an address. Write it like https://api.example.com/v1.")
        if parts.username or parts.password:
            raise forms.ValidationError("The address holds a user name or password. Put the key into its own field.")
        if parts.query or parts.fragment:
            raise forms.ValidationError("Leave out what follows the path (? or #).")
        if parts.scheme == "http" and not settings.ALLOW_PRIVATE_ENDPOINTS:
            raise forms.ValidationError("The key and your rows would travel unencrypted. Use https://.")
        return url

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"]).strip()
        if not key.isascii() or any(char.isspace() for char in key):
            raise forms.ValidationError("A key has no blanks or accented letters. Copy it again.")
        return key

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in ("price_in", "price_out"):
            if (cleaned.get(name) or 0) < 0:
                self.add_error(name, "A price is not below zero.")
        if (cleaned.get("price_in") is None) != (cleaned.get("price_out") is None):
            self.add_error("price_out", "Give both prices or none: the cost needs both.")
        return cleaned

    def save(self, commit: bool = True) -> Endpoint:
        self.instance.project = self.project
        self.instance.set_key(self.cleaned_data["key"])
        return super().save(commit)
