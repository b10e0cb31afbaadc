"""Evaluate: what was measured, and every row behind a figure."""

from __future__ import annotations

from django.urls import path

from eval_app import (
    compare_views,
    diagnosis_views,
    evaluation_views,
    export_views,
    gate_views,
    launch_views,
    note_views,
    own_metric_views,
)

urlpatterns = [
    path("", launch_views.evaluations, name="evaluate"),
    path("new/", launch_views.new, name="evaluation_new"),
    path("new/preview/", launch_views.preview, name="evaluation_preview"),
    path("start/", launch_views.start, name="evaluation_start"),
    path("gates/", gate_views.gates, name="gates"),
    path("metrics/", own_metric_views.own_metrics, name="own_metrics"),
    path("metrics/try/", own_metric_views.try_expression, name="own_metric_try"),
    path("metrics/<int:metric_id>/", own_metric_views.own_metric, name="own_metric"),
    path("metrics/<int:metric_id>/delete/", own_metric_views.delete, name="own_metric_delete"),
    path("<int:evaluation_id>/", evaluation_views.evaluation, name="evaluation"),
    path("<int:evaluation_id>/compare/", compare_views.compare, name="compare"),
    path("<int:evaluation_id>/compare/rows.<str:form>", export_views.download, name="compare_export"),
    path("<int:evaluation_id>/compare/rows/<int:number>/", compare_views.row, name="compare_row"),
    path("<int:evaluation_id>/compare/rows/<int:number>/notes/", note_views.add, name="row_note"),
    path(
        "<int:evaluation_id>/compare/rows/<int:number>/notes/<int:note_id>/remove/",
        note_views.remove,
        name="row_note_remove",
    ),
    path("<int:evaluation_id>/compare/rows/<int:number>/tags/", note_views.tag, name="row_tag"),
    path("<int:evaluation_id>/decide/", gate_views.decide, name="evaluation_decide"),
    path("<int:evaluation_id>/diagnosis/", diagnosis_views.diagnosis, name="diagnosis"),
    path("<int:evaluation_id>/diagnosis/cause/", diagnosis_views.relabel, name="diagnosis_relabel"),
    path("<int:evaluation_id>/results.json", evaluation_views.download, name="evaluation_download"),
]
