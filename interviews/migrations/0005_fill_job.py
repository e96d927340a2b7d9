from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("interviews", "0004_add_printed_and_job")]

    operations = [
        migrations.RunSQL(
            """
            UPDATE interviews_scheduledinterview interview SET job_id = application.job_id
            FROM applications_application application
            WHERE application.id = interview.application_id AND application.job_id IS NOT NULL
            """,
            migrations.RunSQL.noop,
        )
    ]
