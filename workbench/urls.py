"""The site map, in the order of the pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from models_app import views as models_views
from projects_app import views as projects
from runs_app import views as runs
from workbench import views

project: list[URLPattern | URLResolver] = [
    path("", projects.project, name="project"),
    path("settings/", projects.settings, name="project_settings"),
    path("settings/people/", projects.add_person, name="project_add_person"),
    path("settings/people/remove/", projects.remove_person, name="project_remove_person"),
    path("data/", include("datasets_app.urls")),
    path("drafts/", include("drafts_app.urls")),
    path("documents/", include("documents_app.urls")),
    path("train/", include("training_jobs.urls")),
    path("evaluate/", include("eval_app.urls")),
    path("reviews/", include("review_app.urls")),
    path("endpoints/", include("models_app.urls")),
    path("runs/<int:run_id>/", include("runs_app.urls")),
]

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", views.sign_in_by_link, name="sign_in_by_link"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("account/", views.account, name="account"),
    path("people/", views.people, name="people"),
    path("projects/new/", projects.new, name="project_new"),
    path("projects/sample/", views.make_sample, name="project_sample"),
    path("projects/<int:project_id>/", include(project)),
    path("queue/", runs.queue, name="queue"),
    path("models/", models_views.models, name="models"),
]

handler403 = "workbench.views.forbidden"
handler404 = "workbench.views.not_found"
