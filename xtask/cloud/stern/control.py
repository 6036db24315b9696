"""What a test can ask of the cloud itself, under `/stern/`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from .call import Answer

if TYPE_CHECKING:
    from .cloud import Cloud

MOST = 1_000_000


def control(cloud: Cloud, environ: dict[str, Any]) -> Answer:
    """Answers `METHOD /stern/…`; what is wrong with a request is said in `error`, with status 400 or 404."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix("/stern/").strip("/")
    query = parse_qs(environ.get("QUERY_STRING", ""))
    try:
        match method, path:
            case "GET", "traits":
                return _json(cloud.settings())
            case "POST", "traits":
                cloud.configure(_object(environ))
                return _json(cloud.settings())
            case "GET", "faults":
                return _json(cloud.faults.pending())
            case "POST", "faults":
                cloud.faults.add(_object(environ))
                return _json(cloud.faults.pending())
            case "DELETE", "faults":
                cloud.faults.reset()
                return _json([])
            case "GET", "log":
                text = cloud.log.since(int(query.get("since", ["0"])[0]))
                return _answer(200, text.encode(), "application/x-ndjson")
            case "GET", "objects":
                return _json(cloud.objects())
            case "DELETE", "log":
                cloud.log.clear()
                return _json({})
            case "POST", "reset":
                cloud.reset()
                return _json({})
    except ValueError as wrong:
        return _answer(400, json.dumps({"error": str(wrong)}).encode(), "application/json")
    known = "GET|POST traits, GET|POST|DELETE faults, GET|DELETE log, GET objects, POST reset"
    said = {"error": f"no such request: {method} /stern/{path}; there are {known}"}
    return _answer(404, json.dumps(said).encode(), "application/json")


def _object(environ: dict[str, Any]) -> dict[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MOST:
        raise ValueError("too long")
    value = json.loads(environ["wsgi.input"].read(length) or b"null")
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    return value


def _json(value: Any) -> Answer:
    return _answer(200, (json.dumps(value, indent=2) + "\n").encode(), "application/json")


def _answer(status: int, body: bytes, kind: str) -> Answer:
    return Answer(status, [("Content-Type", kind), ("Content-Length", str(len(body)))], body)
