"""Which other files a version can be compared with: those of every project that the person is in."""

from __future__ import annotations

from django import forms
from django.contrib.auth.models import User
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from datasets_app.models import DatasetVersion
from projects_app.models import Project


class VersionField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A version by its name; of another project, with that project's name before it."""

    here: int | None = None

    def label_from_instance(self, obj: DatasetVersion) -> str:
        return str(obj) if obj.dataset.project_id == self.here else f"{obj.dataset.project.name}: {obj}"

    def offer(self, version: DatasetVersion, user: User, kept: DatasetVersion | None = None) -> None:
        """Offers what ``user`` may see of other datasets, and what was chosen before, whoever chose it."""
        self.here = version.dataset.project_id
        self.queryset = others(version, user, kept).exclude(dataset_id=version.dataset_id)

    def offer_parts(self, version: DatasetVersion, user: User) -> None:
        """Offers other versions of the same dataset, too."""
        self.here = version.dataset.project_id
        self.queryset = others(version, user)


def others(version: DatasetVersion, user: User, kept: DatasetVersion | None = None) -> QuerySet[DatasetVersion]:
    """Versions other than this one, those of this project first."""
    seen = Q(dataset__project__in=Project.objects.visible_to(user)) | Q(pk=kept.pk if kept else None)
    at_hand = Case(
        When(dataset__project_id=version.dataset.project_id, then=Value(0)), default=1, output_field=IntegerField()
    )
    found = DatasetVersion.objects.filter(seen).exclude(pk=version.pk)
    return found.select_related("dataset__project").order_by(
        at_hand, "dataset__project__name", "dataset__project_id", "dataset__name", "number"
    )
