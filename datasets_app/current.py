"""Which version of a dataset people work on: the newest, until somebody goes back to an earlier one."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from datasets_app.models import Dataset, DatasetVersion
from datasets_app.review_models import CurrentChange


@transaction.atomic
def go_to(version: DatasetVersion, user: User) -> bool:
    """Makes ``version`` the current one and notes who did; False when it is that already. Nothing is deleted."""
    dataset = Dataset.objects.select_for_update().get(pk=version.dataset_id)
    if current_of(dataset) == version:
        return False
    dataset.current = version
    dataset.save(update_fields=["current"])
    CurrentChange.objects.create(dataset=dataset, version=version, by=user)
    return True


def current_of(dataset: Dataset) -> DatasetVersion | None:
    return dataset.current or max(dataset.versions.all(), key=lambda version: version.number, default=None)


def follow(child: DatasetVersion, user: User) -> None:
    """A version made from the current one is what people work on next, also after somebody went back."""
    dataset = Dataset.objects.get(pk=child.dataset_id)
    if dataset.current_id is not None and dataset.current_id == child.parent_id:
        go_to(child, user)
