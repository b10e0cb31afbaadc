from django.db import migrations

from engine.evaluation.refusals import refuses
from eval_app.deciding import deciding, is_right, outcome, score
from eval_app.recording import is_invalid

FIELDS = ["score", "right", "outcome", "refused", "invalid"]


def sort_answers(apps, schema_editor):  # type: ignore[no-untyped-def]
    """Evaluations of before are filtered like those of today."""
    output = apps.get_model("eval_app", "Output")
    for evaluation in apps.get_model("eval_app", "Evaluation").objects.exclude(results=None).iterator():
        by = deciding(evaluation.results)
        known = output.objects.filter(row__evaluation=evaluation).select_related("system")
        baseline = {
            one.row_id: score(by, one.scores) for one in known.filter(system__key=evaluation.results["baseline"])
        }
        changed = []
        for one in known.iterator():
            one.score = score(by, one.scores)
            one.right = is_right(by, one.score)
            compared = one.system.key != evaluation.results["baseline"]
            one.outcome = outcome(by, baseline.get(one.row_id), one.score) if compared else ""
            one.refused, one.invalid = refuses(one.text), is_invalid(one.scores)
            changed.append(one)
        output.objects.bulk_update(changed, FIELDS, batch_size=200)


class Migration(migrations.Migration):

    dependencies = [("eval_app", "0003_answers_to_compare")]

    operations = [migrations.RunPython(sort_answers, migrations.RunPython.noop)]
