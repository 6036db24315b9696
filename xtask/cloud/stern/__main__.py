"""`python -m stern --port-file FILE [--port N] [--log FILE] [--attended]`: serves on loopback until it is ended."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from threading import Thread

from .server import serve


def _leave_with_input() -> None:
    """Whoever holds the other end may be killed, and cannot end this program any more."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="stern")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--port-file", type=Path, help="is written once it listens")
    parser.add_argument("--log", help="one JSON line for each call")
    parser.add_argument("--attended", action="store_true", help="ends when its standard input does")
    options = parser.parse_args()
    if options.attended:
        Thread(target=_leave_with_input, daemon=True).start()
    server = serve(options.port, options.log)
    if options.port_file:
        new = options.port_file.with_suffix(".new")
        new.write_text(str(server.server_port))
        os.replace(new, options.port_file)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


main()
