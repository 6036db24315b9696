"""The cloud on a port of the loopback address."""

from __future__ import annotations

import os

# Moto reads these when it is imported.
for _name in ("MOTO_ENABLE_AMI_VALIDATION", "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION",
              "MOTO_ENABLE_KEYPAIR_VALIDATION", "MOTO_IAM_LOAD_MANAGED_POLICIES"):
    os.environ.setdefault(_name, "true")

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server  # noqa: E402

from .cloud import Cloud  # noqa: E402
from .log import Log  # noqa: E402


class Quiet(WSGIRequestHandler):
    """Calls go to the log of calls, not to the screen."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def serve(port: int = 0, log: str | None = None) -> BaseWSGIServer:
    """A server that listens; `serve_forever` answers."""
    # Moto's own processes (Lambda and the like) would call back here; nothing else reads it.
    return make_server("127.0.0.1", port, Cloud(Log(log)), threaded=True, request_handler=Quiet)
