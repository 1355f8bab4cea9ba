"""A consumer that is a management command: ships what is paid, for ever."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections, transaction

from orders.models import Order

BATCH = 20


class Command(BaseCommand):
    """Ships paid orders, a few at a time; any number of these may run beside each other."""

    help = "Ship paid orders until told to stop (SIGTERM, SIGINT)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the pause between two looks."""
        parser.add_argument("--pause", type=float, default=1.0, help="seconds between two looks (default: 1)")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Ship until a signal arrives; a batch that has begun is finished."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            close_old_connections()
            shipped = ship_batch()
            if shipped:
                self.stdout.write(f"shipped {shipped}")
            else:
                stop.wait(options["pause"])


@transaction.atomic
def ship_batch() -> int:
    """Ship what is paid and nobody else is shipping at this moment; return how many."""
    paid = Order.objects.select_for_update(skip_locked=True).filter(state=Order.State.PAID)
    batch = list(paid.values_list("pk", flat=True)[:BATCH])
    return Order.objects.filter(pk__in=batch).update(state=Order.State.SHIPPED)
