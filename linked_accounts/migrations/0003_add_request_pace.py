import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("linked_accounts", "0002_request_count")]

    operations = [
        migrations.CreateModel(
            name="RequestPace",
            fields=[
                (
                    "linked_account",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="linked_accounts.linkedaccount",
                    ),
                ),
                ("next_at", models.DateTimeField()),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE linked_accounts_requestpace SET UNLOGGED",
            "ALTER TABLE linked_accounts_requestpace SET LOGGED",
        ),
    ]
