"""`python -m stern --port-file FILE [--port N] [--log FILE]`: serves on loopback until it is ended."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from .server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="stern")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--port-file", type=Path, help="is written once it listens")
    parser.add_argument("--log", help="one JSON line for each call")
    options = parser.parse_args()
    server = serve(options.port, options.log)
    if options.port_file:
        new = options.port_file.with_suffix(".new")
        new.write_text(str(server.server_port))
        os.replace(new, options.port_file)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


main()
