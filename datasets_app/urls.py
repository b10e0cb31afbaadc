"""The Data pages of a project, in the order of the work: upload, audit, rows, repair, split."""

from __future__ import annotations

from django.urls import include, path

from datasets_app.views import current, data, edits, exports, groups, marks, repairs, rows, splits, uploads, versions
from datasets_app.views.mapping import mapping
from datasets_app.views.mix import mix
from datasets_app.views.reporting import findings_csv, report, unusable_lines

version = [
    path("", versions.version, name="version"),
    path("audit/", versions.audit, name="version_audit"),
    path("audit.json", versions.document, name="version_document"),
    path("report.html", report, name="version_report"),
    path("findings.csv", findings_csv, name="version_findings_csv"),
    path("unusable.<str:form>", unusable_lines, name="version_unusable"),
    path("download/", versions.download, name="version_download"),
    path("export/", exports.export, name="version_export"),
    path("export/<str:form>-left-out.jsonl", exports.left_out, name="version_export_left_out"),
    path("export/<str:form>.jsonl", exports.download, name="version_export_download"),
    path("export/rows.csv", exports.download, {"form": "csv"}, name="version_export_csv"),
    path("mapping/", mapping, name="version_mapping"),
    path("mix/", mix, name="version_mix"),
    path("rows/", rows.rows, name="version_rows"),
    path("rows/<int:number>/mark/", marks.mark, name="row_mark"),
    path("rows/<int:number>/edit/", edits.edit, name="row_edit"),
    path("marks/", marks.mark_many, name="version_marks"),
    path("findings/<slug:code>/", marks.decide, name="version_finding"),
    path("groups/<slug:code>/", groups.review, name="version_groups"),
    path("changes/", edits.basket, name="version_basket"),
    path("current/", current.make_current, name="version_current"),
    path("repair/", repairs.start, name="version_repair"),
    path("split/", splits.start, name="version_split"),
]

urlpatterns = [
    path("", data.data, name="data"),
    path("uploads/", uploads.uploads, name="uploads"),
    path("uploads/<uuid:key>/", uploads.upload, name="upload"),
    path("uploads/<uuid:key>/discard/", uploads.discard, name="upload_discard"),
    path("versions/<int:version_id>/", include(version)),
    path("repairs/<int:repair_id>/", repairs.repair, name="repair"),
    path("splits/<int:split_id>/", splits.split, name="split"),
    path("splits/<int:split_id>/<str:part>.jsonl", splits.download, name="split_download"),
]
