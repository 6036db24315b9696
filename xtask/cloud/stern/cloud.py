"""The WSGI program: moto at the bottom, the traits around it, one lock, and the log."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from http.client import responses
from threading import Lock, local
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from .answers import complete, refused
from .call import Answer, Call
from .control import control
from .dependencies import Dependencies
from .faults import Cut, Faults
from .late import Late
from .log import Log
from .names import Names
from .network import Network
from .objects import objects
from .stopped import Stopped
from .throttle import Throttle
from .tokens import Tokens
from .trait import Next, Trait
from .transitions import Transitions


class Cloud:
    """Everything that happens to a call, from the outside to the inside:

    faults, throttle | the lock | tokens, late, transitions, dependencies, stopped, names, network | moto
    """

    def __init__(self, log: Log) -> None:
        complete()
        self.log = log
        self.faults = Faults()
        self._outer: list[Trait] = [self.faults, Throttle()]
        self._inner: list[Trait] = [
            Tokens(), Late(), Transitions(), Dependencies(), Stopped(), Names(), Network(),
        ]
        self.traits = {t.name: t for t in [*self._outer, *self._inner]}
        self._moto = DomainDispatcherApplication(create_backend_app)
        # One call at a time: moto's own structures are not made for more.
        self._lock = Lock()
        self._effect = local()
        self._chain = self._build()

    def _build(self) -> Next:
        chain: Next = self._ask_moto
        for trait in reversed(self._inner):
            chain = _layer(trait, chain)
        inner = chain

        def locked(call: Call) -> Answer:
            with self._lock:
                return inner(call)

        chain = locked
        for trait in reversed(self._outer):
            chain = _layer(trait, chain)
        return chain

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/stern/"):
            return _send(control(self, environ), start_response)
        call = Call.read(environ)
        if path.startswith("/moto-api") or not call.service:
            return self._plain(call, start_response)
        begun, self._effect.answer = time.monotonic(), None
        answer: Answer | None = None
        try:
            answer = self._chain(call)
        except Cut:
            pass
        self.log.write(call, answer, self._effect.answer, time.monotonic() - begun)
        if answer is None:
            # Both directions at once; the server then notices a dropped connection, and says nothing more.
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        return _send(answer, start_response)

    def _plain(self, call: Call, start_response: Any) -> Iterable[bytes]:
        """Moto's own pages, and calls that nobody signed, which belong to no service."""
        with self._lock:
            answer = self._ask_moto(call)
            if call.environ.get("PATH_INFO", "").rstrip("/") == "/moto-api/reset":
                self._forget()
        return _send(answer, start_response)

    def _ask_moto(self, call: Call) -> Answer:
        began: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            began["status"], began["headers"] = int(status.split()[0]), headers

        chunks = self._moto(call.to_environ(), start)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        answer = refused(call, Answer(began["status"], list(began["headers"]), body))
        self._effect.answer = answer
        return answer

    def settings(self) -> dict[str, dict[str, Any]]:
        """All traits' settings."""
        return {name: dict(t.settings) for name, t in self.traits.items()}

    def configure(self, changes: dict[str, Any]) -> None:
        """Changes settings: all of them, or none if one is wrong."""
        for name, values in changes.items():
            if name not in self.traits:
                raise ValueError(f"there is no trait {name}; there are {', '.join(self.traits)}")
            if not isinstance(values, dict):
                raise ValueError(f"the settings of {name} must be an object")
        before = self.settings()
        try:
            for name, values in changes.items():
                self.traits[name].configure(values)
        except ValueError:
            for name, values in before.items():
                self.traits[name].settings = values
            raise

    def objects(self) -> list[dict[str, Any]]:
        """What exists, also if the traits still hide it."""
        with self._lock:
            return objects()

    def reset(self) -> None:
        """An empty cloud, an empty log, no faults; the settings stay."""
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/moto-api/reset", "QUERY_STRING": "", "SCRIPT_NAME": "",
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http",
            "wsgi.input": None, "wsgi.errors": None, "wsgi.version": (1, 0), "wsgi.multithread": True,
            "wsgi.multiprocess": False, "wsgi.run_once": False,
        }
        with self._lock:
            self._ask_moto(Call(environ, b""))
            self._forget()
        self.log.clear()

    def _forget(self) -> None:
        for trait in self.traits.values():
            trait.reset()


def _layer(trait: Trait, below: Next) -> Next:
    def layer(call: Call) -> Answer:
        return trait.around(call, below) if trait.settings["on"] else below(call)

    return layer


def _send(answer: Answer, start_response: Any) -> Iterable[bytes]:
    start_response(f"{answer.status} {responses.get(answer.status, 'Unknown')}", answer.headers)
    return [answer.body]
