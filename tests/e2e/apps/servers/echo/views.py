"""A page that is answered at once, and one that takes its time."""

import math
import os
import platform
import time

from django.http import HttpResponseBadRequest, JsonResponse

LONGEST_SECONDS = 60.0


def whoami(request):
    return JsonResponse({"hostname": platform.node(), "process": os.getpid()})


def slow(request):
    try:
        seconds = float(request.GET.get("seconds", "1"))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= LONGEST_SECONDS:
        return HttpResponseBadRequest(f"seconds must be a number from 0 to {LONGEST_SECONDS:.0f}\n")
    time.sleep(seconds)
    return JsonResponse({"hostname": platform.node(), "process": os.getpid()})
