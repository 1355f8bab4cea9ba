"""Orders, and a record of every run of a task, by which lost and repeated ones can be counted."""

from django.db import models


class Order(models.Model):
    """What a visitor wants."""

    class State(models.TextChoices):
        """How far it is."""

        NEW = "new"
        PAID = "paid"
        SHIPPED = "shipped"

    item = models.CharField(max_length=80)
    state = models.CharField(max_length=8, choices=State, default=State.NEW, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The newest first."""

        ordering = ("-pk",)

    def __str__(self) -> str:
        """Say what and how far."""
        return f"{self.pk} {self.item} ({self.state})"


class TaskRun(models.Model):
    """One run of the task that handles an order; an order whose task ran twice has two."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="runs")
    task_id = models.UUIDField()
    worker = models.CharField(max_length=128)
    waited = models.DurationField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Say whose and where."""
        return f"{self.task_id} on {self.worker}"


class Tick(models.Model):
    """One beat of the scheduler: who sent it and when, which is not when it was handled."""

    task_id = models.UUIDField(unique=True)
    sender = models.CharField(max_length=128)
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        """Say when and whose."""
        return f"{self.sent_at:%H:%M:%S} {self.sender}"
