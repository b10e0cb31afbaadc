from __future__ import annotations

from django import forms
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import User


class PersonForm(forms.ModelForm[User]):
    """A new person: a name only. They sign in by a link first and may set a password then."""

    class Meta:
        model = User
        fields = ["username"]
        field_classes = {"username": UsernameField}
        labels = {"username": "Name"}
        help_texts = {"username": "Letters, digits and @ . + - _ only."}
