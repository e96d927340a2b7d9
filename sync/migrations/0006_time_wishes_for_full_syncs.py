from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0005_add_issue_resolved_at")]

    operations = [
        migrations.AddField(
            model_name="schedule",
            name="full_wanted_at",
            field=models.DateTimeField(
                editable=False,
                help_text="Until a full one has begun later, and succeeded.",
                null=True,
                verbose_name="full one wanted since",
            ),
        ),
        migrations.RunSQL(
            "UPDATE sync_schedule SET full_wanted_at = now() WHERE is_full_wanted",
            "UPDATE sync_schedule SET is_full_wanted = true WHERE full_wanted_at IS NOT NULL",
        ),
        migrations.RemoveField(model_name="schedule", name="is_full_wanted"),
    ]
