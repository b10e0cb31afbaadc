"""The Train stage of a project: its runs, the launch form, one run."""

from __future__ import annotations

from django.urls import path

from training_jobs import comparing, export_views, plan_views, preset_views, pricing, views

urlpatterns = [
    path("", views.train, name="train"),
    path("new/", views.launch, name="launch"),
    path("new/preview/", views.launch_preview, name="launch_preview"),
    path("presets/", preset_views.presets, name="presets"),
    path("presets/save/", preset_views.save, name="preset_save"),
    path("presets/<int:preset_id>/copy/", preset_views.copy, name="preset_copy"),
    path("presets/<int:preset_id>/delete/", preset_views.delete, name="preset_delete"),
    path("presets/<int:preset_id>/axolotl/", preset_views.preset_yaml, name="preset_yaml"),
    path("jobs/<int:job_id>/axolotl/", preset_views.run_yaml, name="training_yaml"),
    path("jobs/<int:job_id>/script/", preset_views.run_script, name="training_script"),
    path("prices/", pricing.prices, name="prices"),
    path("learning-curve/<int:version_id>/", views.learning_curve, name="learning_curve"),
    path("compare/", comparing.compare_runs, name="compare_runs"),
    path("jobs/<int:job_id>/", views.training_job, name="training_job"),
    path("jobs/<int:job_id>/record/", views.record, name="training_record"),
    path("jobs/<int:job_id>/export/", export_views.new, name="export_new"),
    path("plans/new/<slug:kind>/", plan_views.new, name="plan_new"),
    path("plans/<int:plan_id>/", plan_views.plan, name="plan"),
    path("plans/<int:plan_id>/go-on/", plan_views.go_on, name="plan_go_on"),
    path("plans/<int:plan_id>/stop/", plan_views.stop, name="plan_stop"),
    path("exports/<int:export_id>/", export_views.export, name="export"),
    path("exports/<int:export_id>/register/", export_views.register, name="export_register"),
    path("exports/<int:export_id>/delete/", export_views.delete, name="export_delete"),
    path("exports/<int:export_id>/download/", export_views.download, name="export_download"),
    path("exports/<int:export_id>/files/<str:name>", export_views.file, name="export_file"),
]
