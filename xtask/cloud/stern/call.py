"""One call of an AWS API, and one answer, whatever the protocol."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

_SCOPE = re.compile(r"Credential=([^/,]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_CODE = re.compile(rb"<Code>([^<]+)</Code>")


@dataclass
class Answer:
    """What the caller gets. `by` names the trait that answered, or is empty if moto did."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    by: str = ""

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def code(self) -> str:
        """The error's code, or nothing."""
        if self.ok:
            return ""
        if found := _CODE.search(self.body):
            return found[1].decode()
        try:
            kind = json.loads(self.body).get("__type", "")
        except (ValueError, AttributeError):
            return ""
        return str(kind).rsplit("#", 1)[-1]

    def replaced(self, text: str) -> Answer:
        """The same answer with another body."""
        body = text.encode()
        headers = [(k, v) for k, v in self.headers if k.lower() != "content-length"]
        return Answer(self.status, [*headers, ("Content-Length", str(len(body)))], body, self.by)

    def first(self, tag: str) -> str | None:
        """The text of the first element of this name."""
        found = re.search(rf"<{tag}>([^<]*)</{tag}>", self.text)
        return found[1] if found else None

    def each(self, tag: str) -> list[str]:
        """The texts of all elements of this name."""
        return re.findall(rf"<{tag}>([^<]*)</{tag}>", self.text)


@dataclass
class Call:
    """What the caller asked. `params` are the fields of a form, or of a flat JSON document."""

    environ: dict[str, Any]
    body: bytes
    service: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    action: str = ""
    protocol: str = "rest"
    params: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, environ: dict[str, Any]) -> Call:
        """Reads the body, and leaves it readable for whoever comes next."""
        stream = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH")
        if length:
            body = stream.read(int(length))
            if len(body) < int(length):
                # Cut off on its way: it has no effect, and there is nobody to be told.
                raise ConnectionAbortedError
        else:
            body = stream.read() if environ.get("wsgi.input_terminated") else b""
        call = cls(environ, body)
        if found := _SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")):
            call.access_key, call.region, call.service = found[1], found[2], found[3].lower()
        call._parse()
        return call

    def _parse(self) -> None:
        target = self.environ.get("HTTP_X_AMZ_TARGET", "")
        form = self.environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if target:
            self.protocol, self.action = "json", target.rsplit(".", 1)[-1]
            try:
                document = json.loads(self.body or b"{}")
            except ValueError:
                document = {}
            if isinstance(document, dict):
                self.params = {k: v for k, v in document.items() if isinstance(v, str)}
        elif form or "Action=" in self.environ.get("QUERY_STRING", ""):
            text = self.environ.get("QUERY_STRING", "") + "&" + self.body.decode("utf-8", "replace")
            self.params = dict(parse_qsl(text, keep_blank_values=True))
            self.action = self.params.get("Action", "")
            self.protocol = "ec2" if self.service == "ec2" else "query"

    def is_ec2(self, *actions: str) -> bool:
        return self.service == "ec2" and self.action in actions

    def is_elb(self, *actions: str) -> bool:
        # The classic balancers' API has the same name; its versions are older.
        newer = self.params.get("Version", "") >= "2015"
        return self.service == "elasticloadbalancing" and newer and self.action in actions

    def listed(self, prefix: str) -> list[str]:
        """The values of `Prefix.1`, `Prefix.2`, … or `Prefix.member.1`, …, in order."""
        found = []
        for key, value in self.params.items():
            if match := re.fullmatch(rf"{re.escape(prefix)}(?:\.member)?\.(\d+)", key):
                found.append((int(match[1]), value))
        return [value for _, value in sorted(found)]

    def mentions(self) -> set[str]:
        """Everything that the parameters name, apart from filters, which never fail for what is not there."""
        return {v for k, v in self.params.items() if not k.startswith("Filter.") and ".Tag." not in k}

    def to_environ(self) -> dict[str, Any]:
        """As it came, to be read again."""
        environ = dict(self.environ)
        environ["wsgi.input"] = io.BytesIO(self.body)
        environ["stern.body"] = self.body
        environ["CONTENT_LENGTH"] = str(len(self.body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return environ

    def with_params(self, params: dict[str, str]) -> Call:
        """Another call of the same API by the same caller."""
        environ = {**self.environ, "QUERY_STRING": "", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
        return Call(environ, urlencode(params).encode(), self.service, self.region, self.access_key,
                    params["Action"], self.protocol, params)

    def error(self, code: str, message: str, status: int = 400, by: str = "") -> Answer:
        """An error as the API's protocol words it."""
        # Errors of the traits are fixed words and ids; the few characters that XML cannot take are made safe.
        safe = message.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        kind = "text/xml"
        if self.protocol == "ec2":
            text = (
                '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
                f"<Code>{code}</Code><Message>{safe}</Message></Error></Errors>"
                "<RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"
            )
        elif self.protocol == "query":
            side = "Receiver" if status >= 500 else "Sender"
            text = (
                f"<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{safe}</Message></Error>"
                "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
            )
        elif self.service == "s3":
            text = f"<Error><Code>{code}</Code><Message>{safe}</Message></Error>"
        else:
            kind = "application/x-amz-json-1.1"
            text = json.dumps({"__type": code, "message": message})
        body = text.encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
        return Answer(status, headers, body, by)
