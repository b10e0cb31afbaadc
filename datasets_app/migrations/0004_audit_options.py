from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets_app", "0003_marks_and_decisions")]

    operations = [
        migrations.AddField(
            "audit",
            "production",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="datasets_app.datasetversion",
            ),
        ),
        migrations.AddField(
            "audit", "cutoff_len", models.IntegerField(default=2048, verbose_name="cutoff length, in tokens")
        ),
    ]
