"""The toy cloud as a Terraform provider, on the package `tf` of PyPI.

It keeps the same folder as the provider of `crates/testkit/src/toy`, with the same types: `toy_thing` and `toy_link`, and
`toy_thing` as data source. What that page says of files, faults and the log is true here, too; latency is ignored. Two
engines that go through the same history, each with its own folder, must then find, plan and leave behind the same.

`python provider.py --dev` waits for Terraform to come by itself, and prints how, as `TF_REATTACH_PROVIDERS` has it: one
process for a whole history, not several for each command.
"""

import json
import os
import secrets
import threading
from pathlib import Path
from typing import Any, Optional

from tf.gen import tfplugin_pb2 as pb
from tf.iface import DataSource, Provider, Resource
from tf.provider import _decode_state, _encode_state_d
from tf.runner import run_provider
from tf.schema import Attribute, Block, NestedBlock, NestMode, Schema
from tf.types import Map, Number, String, Unknown
from tf.utils import Diagnostics

FAILURE = "Toy cloud failure"

LINK_ENDS = ("from", "to")


class Refused(Exception):
    """A call that had no effect."""

    def __init__(self, summary: str, detail: str):
        super().__init__(detail)
        self.summary = summary


class Store:
    """A folder with one file for each object."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.lock = threading.Lock()

    def path(self, id: str) -> Path:
        return self.folder / f"{id}.json"

    def load(self, id: Any, kind: Optional[str] = None) -> Optional[dict]:
        valid = isinstance(id, str) and id and not id.startswith(".") and all(c.isalnum() or c in "-_" for c in id)
        if not valid or not self.path(id).exists():
            return None
        found = json.loads(self.path(id).read_text())
        return found if kind in (None, found["type"]) else None

    def ends(self, id: str) -> Path:
        """The folder that names the links which ever ended at an object, so that not all objects are read when one goes."""
        return self.folder / ".ends" / id

    def all(self) -> list[dict]:
        paths = sorted(p for p in self.folder.glob("*.json") if not p.name.startswith("."))
        return [json.loads(p.read_text()) for p in paths]

    def put(self, id: str, found: Optional[dict]):
        if found is None:
            self.path(id).unlink(missing_ok=True)
            return
        if found["type"] == "toy_link":
            for end in LINK_ENDS:
                ends = self.ends(found["attributes"][end])
                ends.mkdir(parents=True, exist_ok=True)
                (ends / id).touch()
        fresh = self.path(id).with_suffix(".new")
        fresh.write_text(json.dumps(found, indent=2) + "\n")
        os.replace(fresh, self.path(id))

    def log(self, *words: str):
        with self.lock, (self.folder / ".calls").open("a") as log:
            log.write(" ".join(words) + "\n")

    def failure(self, operation: str, kind: str, name: str) -> tuple[Optional[str], str]:
        """How this call fails, if it does, and what the error says. Counts it for every fault about such calls."""
        how, message = None, ""
        with self.lock:
            for path in sorted((self.folder / ".faults").glob("*.json")):
                fault = json.loads(path.read_text())
                about = {"on": operation, "type": kind, "name": name}
                if any(fault.get(key) not in (None, value) for key, value in about.items()):
                    continue
                counter = path.with_suffix(".seen")
                seen = int(counter.read_text()) + 1 if counter.exists() else 1
                counter.write_text(str(seen))
                first, times = fault.get("nth", 1), fault.get("times", 1)
                if seen >= first and (times == 0 or seen < first + times) and fault.get("fail"):
                    how, message = fault["fail"], fault.get("message", "the toy cloud was asked to fail")
        return how, message

    def check(self, kind: str, id: str, attributes: Optional[dict], new: bool):
        """Refuses what the cloud does not allow."""
        if attributes is None:
            ends = self.ends(id)
            for name in sorted(p.name for p in ends.iterdir()) if ends.exists() else ():
                link = self.load(name) or {"attributes": {}}
                for end in LINK_ENDS:
                    if link["attributes"].get(end) == id:
                        raise Refused("DependencyViolation", f'{id} is still "{end}" of the link {name}.')
            return
        if not new and self.load(id) is None:
            raise Refused("NotFound", f"There is no object {id}.")
        if kind == "toy_link":
            for end in LINK_ENDS:
                if self.load(attributes[end]) is None:
                    raise Refused("NotFound", f'"{end}" is "{attributes[end]}", but there is no such object.')

    def change(self, operation: str, kind: str, id: str, name: str, attributes: Optional[dict]) -> Optional[tuple]:
        """Creates, updates or deletes. Returns how it failed after its effect, if it did, and with what message."""
        how, message = self.failure(operation, kind, name)
        token = secrets.token_hex(8)
        self.log(operation, kind, id, token)
        if how == "before":
            raise Refused(FAILURE, message)
        with self.lock:
            self.check(kind, id, attributes, operation == "create")
            found = None if attributes is None else {"id": id, "type": kind, "token": token, "attributes": attributes}
            self.put(id, found)
        return (how, message) if how else None


class ListBlock(NestedBlock):
    """Blocks in the order in which they are written; `defaults` are for arguments that are not."""

    def __init__(self, type_name: str, block: Block, defaults: dict[str, Any]):
        super().__init__(type_name, NestMode.Set, block)
        self.defaults = defaults

    def to_pb(self) -> pb.Schema.NestedBlock:
        LIST = pb.Schema.NestedBlock.NestingMode.LIST
        return pb.Schema.NestedBlock(type_name=self.type_name, block=self.block.to_pb(), nesting=LIST)

    def filled(self, item: dict) -> dict:
        return {**item, **{k: v for k, v in self.defaults.items() if item.get(k) is None}}

    def encode(self, value: Any) -> Any:
        return [_encode_state_d(self._amap(), self._bmap(), self.filled(v), None) for v in value]

    def decode(self, value: Any) -> Any:
        diags = Diagnostics()
        items = [_decode_state(diags, self._amap(), self._bmap(), v)[1] for v in value or []]
        return [self.filled(item) for item in items]

    def semantically_equal(self, a_decoded: Any, b_decoded: Any) -> bool:
        # What was written may lack the defaults: it is never good enough.
        return False


class ToyResource(Resource):
    """What things and links share."""

    kind: str
    attributes: list[Attribute]
    blocks: list[NestedBlock] = []

    def __init__(self, provider: "Toy"):
        self.provider = provider

    @property
    def store(self) -> Store:
        return self.provider.store

    @classmethod
    def get_name(cls) -> str:
        return cls.kind.removeprefix("toy_")

    @classmethod
    def get_schema(cls) -> Schema:
        return Schema(version=0, attributes=cls.attributes, block_types=cls.blocks)

    def state(self, attributes: dict) -> dict:
        """The attributes of a file as the schema has them; what the file does not have is null."""
        state = {a.name: attributes.get(a.name) for a in self.attributes}
        state.update({b.type_name: attributes.get(b.type_name) or [] for b in self.blocks})
        return state

    def complete(self, planned: dict, id: str, etag: int) -> dict:
        """With what the cloud has to choose."""
        name = planned.get("name") or ""
        chosen = {"id": id, "etag": f"v{etag}", "note": f"noted by the toy cloud for {name}"}
        return {k: chosen.get(k) if v is Unknown else v for k, v in planned.items()}

    def plan(self, ctx, current: Optional[dict], planned: dict) -> dict:
        if current != planned and "etag" in planned:
            planned["etag"] = Unknown
        return planned

    def create(self, ctx, planned: dict) -> Optional[dict]:
        id = f"{self.get_name()}-{secrets.token_hex(8)}"
        attributes = self.complete(planned, id, 1)
        failed = self.attempt(ctx, "create", id, planned.get("name") or "", attributes)
        # An answer that is lost: the object is there, and the caller does not know.
        return None if failed in ("before", "after") else attributes

    def read(self, ctx, current: dict) -> Optional[dict]:
        how, message = self.store.failure("read", self.kind, "")
        self.store.log("read", self.kind, current["id"], "-")
        if how:
            ctx.diagnostics.add_error(FAILURE, message)
            return current
        found = self.store.load(current["id"], self.kind)
        return found and self.state(found["attributes"])

    def update(self, ctx, current: dict, planned: dict) -> dict:
        etag = int((current.get("etag") or "v0").removeprefix("v")) + 1
        attributes = self.complete(planned, current["id"], etag)
        failed = self.attempt(ctx, "update", current["id"], planned.get("name") or "", attributes)
        return current if failed else attributes

    def delete(self, ctx, current: dict) -> Optional[dict]:
        failed = self.attempt(ctx, "delete", current["id"], current.get("name") or "", None)
        return current if failed else None

    def import_(self, ctx, id: str) -> Optional[dict]:
        self.store.log("read", self.kind, id, "-")
        found = self.store.load(id, self.kind)
        if found is None:
            detail = f'There is no {self.kind} with the id "{id}".'
            ctx.diagnostics.add_error("Cannot import non-existent remote object", detail)
            return None
        return self.state(found["attributes"])

    def attempt(self, ctx, operation: str, id: str, name: str, attributes: Optional[dict]) -> Optional[str]:
        """Makes a change; when it fails, says so and tells how: `before`, `after` or `partial`."""
        try:
            failed = self.store.change(operation, self.kind, id, name, attributes)
        except Refused as refused:
            ctx.diagnostics.add_error(refused.summary, str(refused))
            return "before"
        if failed:
            ctx.diagnostics.add_error(FAILURE, failed[1])
            return failed[0]
        return None


class Thing(ToyResource):
    kind = "toy_thing"
    attributes = [
        Attribute("id", String(), computed=True),
        Attribute("name", String(), required=True),
        Attribute("size", Number(), optional=True),
        Attribute("color", String(), optional=True, requires_replace=True),
        Attribute("tags", Map(String()), optional=True),
        Attribute("secret", String(), optional=True, sensitive=True),
        Attribute("note", String(), optional=True, computed=True),
        Attribute("etag", String(), computed=True),
    ]
    blocks = [
        ListBlock(
            "port",
            Block([Attribute("number", Number(), required=True), Attribute("protocol", String(), optional=True, computed=True)]),
            {"protocol": "tcp"},
        )
    ]


class Link(ToyResource):
    kind = "toy_link"
    attributes = [
        Attribute("id", String(), computed=True),
        Attribute("from", String(), required=True, requires_replace=True),
        Attribute("to", String(), required=True, requires_replace=True),
        Attribute("label", String(), optional=True),
    ]


class ThingByName(DataSource):
    attributes = [
        Attribute("name", String(), required=True),
        Attribute("id", String(), computed=True),
        Attribute("size", Number(), computed=True),
        Attribute("color", String(), computed=True),
        Attribute("tags", Map(String()), computed=True),
        Attribute("note", String(), computed=True),
        Attribute("etag", String(), computed=True),
    ]

    def __init__(self, provider: "Toy"):
        self.provider = provider

    @classmethod
    def get_name(cls) -> str:
        return "thing"

    @classmethod
    def get_schema(cls) -> Schema:
        return Schema(version=0, attributes=cls.attributes)

    def read(self, ctx, config: dict) -> Optional[dict]:
        store, name = self.provider.store, config["name"]
        how, message = store.failure("read", "data.toy_thing", name)
        store.log("read", "data.toy_thing", "-", "-")
        if how:
            ctx.diagnostics.add_error(FAILURE, message)
            return None
        found = [o for o in store.all() if o["type"] == "toy_thing" and o["attributes"].get("name") == name]
        if len(found) != 1:
            detail = f'{len(found)} things in the toy cloud are named "{name}"; there must be one.'
            ctx.diagnostics.add_error("No single thing of that name", detail, path=["name"])
            return None
        return {a.name: found[0]["attributes"].get(a.name) for a in self.attributes}


class Toy(Provider):
    store: Store

    def get_model_prefix(self) -> str:
        return "toy_"

    def full_name(self) -> str:
        return "registry.terraform.io/formwork/toy"

    def get_provider_schema(self, diags: Diagnostics) -> Schema:
        return Schema(
            version=0,
            attributes=[
                Attribute("folder", String(), required=True),
                Attribute("region", String(), optional=True),
                Attribute("latency_ms", Number(), optional=True),
                Attribute("quiet_ms", Number(), optional=True),
            ],
        )

    def validate_config(self, diags: Diagnostics, config: dict):
        pass

    def configure_provider(self, diags: Diagnostics, config: dict):
        if config["folder"] in (None, "", Unknown):
            diags.add_error("Missing folder", "The toy cloud needs the name of its folder.")
        else:
            self.store = Store(Path(config["folder"]))

    def get_data_sources(self) -> list:
        return [ThingByName]

    def get_resources(self) -> list:
        return [Thing, Link]


if __name__ == "__main__":
    run_provider(Toy())
