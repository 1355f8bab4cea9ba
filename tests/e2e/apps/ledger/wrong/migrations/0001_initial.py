from django.conf import settings
from django.db import migrations

COLUMN = {"1": "amuont", "2": "amount"}[settings.APP_VERSION]


class Migration(migrations.Migration):
    initial = True

    dependencies = [("books", "0001_initial")]

    operations = [
        migrations.RunSQL(f"CREATE INDEX wrong_amount ON books_entry ({COLUMN})", "DROP INDEX wrong_amount"),
    ]
