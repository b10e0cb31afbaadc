"""A project: one task a model should do, and the people who work on it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse


class TaskType(models.TextChoices):
    EXTRACTION = "extraction", "Extraction to JSON"
    CLASSIFICATION = "classification", "Classification"
    TEXT = "text", "Free text"
    CHAT = "chat", "Chat"


class Role(models.TextChoices):
    READER = "reader", "Reader: sees everything, changes nothing"
    MEMBER = "member", "Member: uploads, trains and evaluates"
    OWNER = "owner", "Owner: also manages people and the project"


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> ProjectQuerySet:
        return self.filter(memberships__user_id=user.pk or 0)


class Project(models.Model):
    name = models.CharField(max_length=80)
    purpose = models.TextField("what the model should do", max_length=2000)
    task_type = models.CharField(max_length=20, choices=TaskType.choices, default=TaskType.EXTRACTION)
    system_prompt = models.TextField("baseline system prompt", max_length=8000, blank=True)
    is_sample = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    # The asking user's role here, set by projects_app.access.get_project; no column.
    role: str

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("project", args=[self.pk])

    def role_of(self, user: AbstractBaseUser | AnonymousUser) -> str | None:
        """The role of ``user`` here, or None for a stranger."""
        return self.memberships.filter(user_id=user.pk or 0).values_list("role", flat=True).first()


class Membership(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"
