"""Home, sign-in, people: what belongs to the installation and to no room."""

from __future__ import annotations

from typing import Any

from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from datasets_app import samples
from projects_app.models import Project
from runs_app.models import Run, Status
from training_jobs.plan_models import Plan
from workbench import links
from workbench.forms import PersonForm
from workbench.strip import stops


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Projects at a glance, what is running now, what needs you."""
    projects = list(Project.objects.visible_to(request.user))
    runs = Run.objects.visible_to(request.user).select_related("project")
    context = {
        "projects": [{"project": project, "stops": stops(project)} for project in projects],
        "running": runs.active().order_by("started_at", "id"),
        "queued": runs.queued(),
        "plans": Plan.objects.waiting_for(request.user),
        "failed": runs.filter(status=Status.FAILED).order_by("-ended_at")[:5],
    }
    return render(request, "workbench/home.html", context)


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("home")
    form = AuthenticationForm(request, data=request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        auth.login(request, form.get_user())
        wanted = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
        return redirect(wanted if safe else "home")
    context = {"form": form, "next": request.POST.get("next", request.GET.get("next", ""))}
    return render(request, "registration/sign_in.html", context, status=200 if request.method == "GET" else 400)


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The one-time link. A browser that is signed in already goes home and leaves the link good."""
    if request.user.is_authenticated:
        return redirect("home")
    user = links.use(token)
    if user is None:
        messages.error(
            request, "This sign-in link was used already or is older than a day. `make run` prints a new one."
        )
        return redirect("sign_in")
    auth.login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("home")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    messages.info(request, "You are signed out.")
    return redirect("sign_in")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """A person's own password."""
    assert isinstance(request.user, User)
    form: SetPasswordForm[Any] = SetPasswordForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        auth.update_session_auth_hash(request, request.user)
        messages.success(request, "Your password is set. You can sign in with it from now on.")
        return redirect("account")
    return render(request, "workbench/account.html", {"form": form}, status=400 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """Administrators add people here; the answer is a link to hand on."""
    assert isinstance(request.user, User)
    if not request.user.is_staff:
        raise PermissionDenied("Only administrators of this installation manage people.")
    if request.method == "POST" and "link_for" in request.POST:
        person = (
            User.objects.filter(pk=request.POST["link_for"], is_active=True).first()
            if request.POST["link_for"].isdecimal()
            else None
        )
        return _people(request, PersonForm(), person)
    form = PersonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            person = form.save(commit=False)
            person.set_unusable_password()
            person.save()
        return _people(request, PersonForm(), person)
    return _people(request, form, None)


def _people(request: HttpRequest, form: PersonForm, person: User | None) -> HttpResponse:
    link = request.build_absolute_uri(reverse("sign_in_by_link", args=[links.make(person)])) if person else ""
    context = {"form": form, "people": User.objects.order_by("username"), "person": person, "link": link}
    return render(request, "workbench/people.html", context, status=400 if form.errors else 200)


@require_POST
def make_sample(request: HttpRequest) -> HttpResponse:
    """A project with the sample data in it, its audit already on its way."""
    assert isinstance(request.user, User)
    version = samples.make_project(request.user)
    return redirect(version)


@login_not_required
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", {"exception": exception}, status=404)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", {"reason": str(exception)}, status=403)
