"""Faults on request: what a network and a busy service do."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from .call import Answer, Call
from .trait import Next, Trait

KINDS = ("before", "after", "cut", "delay")


class Cut(Exception):
    """The connection goes away without an answer."""


@dataclass
class Fault:
    """`kind` is `before` (500, no effect), `after` (500, but it has happened), `cut` (it has happened, and the
    connection is cut) or `delay` (it takes `seconds` longer). It hits calls of `action` and `service` (empty: any),
    after letting `skip` of them pass, `times` times."""

    kind: str
    action: str = ""
    service: str = ""
    skip: int = 0
    times: int = 1
    seconds: float = 0.0

    @classmethod
    def from_json(cls, value: Any) -> Fault:
        if not isinstance(value, dict) or value.get("kind") not in KINDS:
            raise ValueError(f"a fault is an object whose kind is one of {', '.join(KINDS)}")
        types: dict[str, Any] = {"skip": int, "times": int, "seconds": (int, float)}
        for key, given in value.items():
            if key not in cls.__dataclass_fields__:
                raise ValueError(f"a fault has no {key}")
            if not isinstance(given, types.get(key, str)) or (key in types and given < 0):
                raise ValueError(f"a fault's {key} cannot be {given!r}")
        return cls(**value)

    def hits(self, call: Call) -> bool:
        return (not self.action or self.action == call.action) and (not self.service or self.service == call.service)


class Faults(Trait):
    """The faults that were asked for, in the order in which they were; one hits a call at most, delays aside."""

    name = "faults"

    def __init__(self) -> None:
        super().__init__()
        self._faults: list[Fault] = []
        self._lock = Lock()

    def around(self, call: Call, go: Next) -> Answer:
        chosen = self._choose(call)
        for fault in chosen:
            if fault.kind == "delay":
                time.sleep(fault.seconds)
        kind = next((f.kind for f in chosen if f.kind != "delay"), None)
        if kind == "before":
            return self._fail(call)
        answer = go(call)
        if kind == "after":
            return self._fail(call)
        if kind == "cut":
            raise Cut
        return answer

    def _choose(self, call: Call) -> list[Fault]:
        chosen: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if not fault.hits(call) or (fault.kind != "delay" and any(f.kind != "delay" for f in chosen)):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                chosen.append(fault)
            self._faults = [f for f in self._faults if f.times > 0]
        return chosen

    def _fail(self, call: Call) -> Answer:
        code = "InternalError" if call.service == "ec2" else "InternalFailure"
        return call.error(code, "An internal error has occurred", 500, self.name)

    def add(self, value: Any) -> None:
        fault = Fault.from_json(value)
        with self._lock:
            self._faults.append(fault)

    def pending(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(f) for f in self._faults]

    def reset(self) -> None:
        with self._lock:
            self._faults.clear()
