"""What happens to an order after it was accepted, and the scheduler's tick."""

import time
from datetime import datetime

from celery import Task, shared_task
from django.conf import settings
from django.utils import timezone

from orders.models import Order, TaskRun, Tick


@shared_task(bind=True)
def handle_order(self: Task, order_id: int, seconds: float) -> None:
    """Work on an order for some seconds and mark it paid; a second run finds nothing left to do but is recorded."""
    began_at = timezone.now()
    run = TaskRun.objects.create(
        order_id=order_id,
        task_id=self.request.id,
        worker=self.request.hostname,
        waited=began_at - datetime.fromisoformat(self.request.sent_at),
        began_at=began_at,
    )
    time.sleep(seconds)
    Order.objects.filter(pk=order_id, state=Order.State.NEW).update(state=Order.State.PAID)
    run.ended_at = timezone.now()
    run.save(update_fields=["ended_at"])


@shared_task(bind=True)
def tick(self: Task) -> None:
    """Note that the scheduler is alive; the settings say how often."""
    Tick.objects.get_or_create(
        task_id=self.request.id,
        defaults={"sender": self.request.origin, "sent_at": datetime.fromisoformat(self.request.sent_at)},
    )


def enqueue(order: Order) -> None:
    """Hand an order to the workers."""
    handle_order.delay(order.pk, settings.ORDER_SECONDS)
