"""The log of calls: one JSON line for each, in the order in which they ended."""

from __future__ import annotations

import json
import os
import re
import time
from threading import Lock
from typing import Any, TextIO

from .call import Answer, Call

# Parameters whose values are nobody's business, also here.
_SECRET = re.compile(r"userdata|password|secret|privatekey|token", re.I)


class Log:
    """In memory for `/stern/log`, and in a file that only its owner can read, if one is named."""

    def __init__(self, path: str | None = None) -> None:
        self._lines: list[str] = []
        self._lock = Lock()
        self._number = 0
        self._file: TextIO | None = None
        if path:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "w", buffering=1)

    def write(self, call: Call, answer: Answer | None, effect: Answer | None, took: float) -> None:
        """`answer` is what the caller got (nothing: the connection was cut), `effect` what moto said, if asked."""
        entry: dict[str, Any] = {
            "at": round(time.time(), 3),
            "service": call.service,
            "region": call.region,
            "action": call.action or f"{call.environ.get('REQUEST_METHOD')} {call.environ.get('PATH_INFO')}",
            "params": {k: _shown(k, v) for k, v in call.params.items() if k not in ("Action", "Version")},
            "status": answer.status if answer else 0,
            "code": answer.code if answer else "",
            "by": answer.by if answer else "faults",
            "effect": effect is not None and effect.ok,
            "ms": round(took * 1000),
        }
        with self._lock:
            self._number += 1
            line = json.dumps({"n": self._number, **entry})
            self._lines.append(line)
            if self._file:
                self._file.write(line + "\n")

    def since(self, number: int) -> str:
        """The lines after that number."""
        with self._lock:
            first = self._number - len(self._lines)
            return "".join(line + "\n" for line in self._lines[max(0, number - first):])

    def clear(self) -> None:
        """Forgets the lines in memory; numbers go on, and so does the file."""
        with self._lock:
            self._lines.clear()


def _shown(key: str, value: str) -> str:
    return f"({len(value)} characters)" if _SECRET.search(key) and key != "ClientToken" else value
