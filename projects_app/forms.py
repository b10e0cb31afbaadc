from __future__ import annotations

from django import forms

from projects_app.models import Project, Role


class ProjectForm(forms.ModelForm[Project]):
    class Meta:
        model = Project
        fields = ["name", "purpose", "task_type", "system_prompt"]
        widgets = {
            "purpose": forms.Textarea(attrs={"rows": 3}),
            "system_prompt": forms.Textarea(attrs={"rows": 6}),
        }
        help_texts = {
            "name": "What you and your colleagues will call it.",
            "purpose": "One or two sentences: what goes in, what should come out, who uses it.",
            "task_type": "Decides which measures an evaluation takes.",
            "system_prompt": "The best prompt you have today. It is the baseline a tuned model must beat, and it goes "
            "in front of every row that has no system message of its own.",
        }


class PersonForm(forms.Form):
    username = forms.CharField(max_length=150, label="Name")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.MEMBER)
