"""Tables of the orders."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The first one."""

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("item", models.CharField(max_length=80)),
                (
                    "state",
                    models.CharField(
                        max_length=8,
                        choices=[("new", "New"), ("paid", "Paid"), ("shipped", "Shipped")],
                        default="new",
                        db_index=True,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"ordering": ("-pk",)},
        ),
        migrations.CreateModel(
            name="TaskRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        to="orders.order", on_delete=django.db.models.deletion.CASCADE, related_name="runs"
                    ),
                ),
                ("task_id", models.UUIDField()),
                ("worker", models.CharField(max_length=128)),
                ("waited", models.DurationField()),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Tick",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("task_id", models.UUIDField(unique=True)),
                ("sender", models.CharField(max_length=128)),
                ("sent_at", models.DateTimeField()),
            ],
        ),
    )
