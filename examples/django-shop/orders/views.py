"""The shop's pages."""

import csv
import platform
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from orders.models import Order
from orders.tasks import enqueue

LATEST = 10
EXPORT_CHUNK = 100


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the latest orders, and how often this visitor has been here."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return render(
        request, "orders/index.html", {"orders": Order.objects.all()[:LATEST], **_describe(request)}
    )


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """Accept an order; the workers hear of it once it is in the database."""
    with transaction.atomic():
        order = Order.objects.create(item=request.POST.get("item", "")[:80] or "a surprise")
        transaction.on_commit(lambda: enqueue(order))
    request.session["orders"] = [*request.session.get("orders", []), order.pk][-LATEST:]
    if request.accepts("text/html"):
        return redirect("index")
    return JsonResponse({"order": order.pk}, status=201)


@require_GET
def visits(request: HttpRequest) -> JsonResponse:
    """Count this visitor's visits, in the session."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse(_describe(request))


@require_GET
def export(_request: HttpRequest) -> StreamingHttpResponse:
    """Stream all orders as CSV, read in chunks: `.iterator()` uses a cursor of the database server where it can."""
    orders = Order.objects.order_by("pk").values_list("pk", "item", "state").iterator(chunk_size=EXPORT_CHUNK)
    return StreamingHttpResponse(
        _write_csv(orders),
        content_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="orders.csv"'},
    )


class _Line:
    """What csv takes for a file, and no file: `write` hands the line back."""

    def write(self, line: str) -> str:
        return line


def _write_csv(rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(("order", "item", "state"))
    for row in rows:
        yield writer.writerow(row)


def _describe(request: HttpRequest) -> dict[str, Any]:
    return {
        "visits": request.session["visits"],
        "version": settings.APP_VERSION,
        "hostname": platform.node(),
    }
