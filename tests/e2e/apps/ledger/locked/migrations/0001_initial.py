from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = [("books", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE TABLE locked_balance (total integer)", "DROP TABLE locked_balance"),
        migrations.RunSQL(
            "ALTER TABLE books_entry ADD COLUMN note text", "ALTER TABLE books_entry DROP COLUMN note"
        ),
    ]
