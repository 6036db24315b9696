"""Rates: past them a call is refused, and has no effect."""

from __future__ import annotations

import time
from threading import Lock

from .call import Answer, Call
from .trait import Next, Trait


class Throttle(Trait):
    """A token bucket for each service and region: `burst` calls at once, then `rate` a second."""

    name = "throttle"

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {"rate": 20, "burst": 100}
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}
        self._lock = Lock()

    def around(self, call: Call, go: Next) -> Answer:
        return go(call) if self._take((call.service, call.region)) else self._refuse(call)

    def _take(self, key: tuple[str, str]) -> bool:
        now, burst = time.monotonic(), float(self.settings["burst"])
        with self._lock:
            left, since = self._buckets.get(key, (burst, now))
            left = min(burst, left + (now - since) * self.settings["rate"])
            taken = left >= 1
            self._buckets[key] = (left - 1 if taken else left, now)
        return taken

    def _refuse(self, call: Call) -> Answer:
        if call.service == "ec2":
            return call.error("RequestLimitExceeded", "Request limit exceeded.", 503, self.name)
        if call.service == "s3":
            return call.error("SlowDown", "Please reduce your request rate.", 503, self.name)
        return call.error("ThrottlingException", "Rate exceeded", 400, self.name)

    def configure(self, changes: dict) -> None:
        super().configure(changes)
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._buckets.clear()
