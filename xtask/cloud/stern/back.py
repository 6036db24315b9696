"""Moto's own objects. Everything that relies on how moto 5.2.1 is made inside goes through here."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import get_account_id_from

from .call import Call


def _account(call: Call) -> str:
    return call.environ.get("HTTP_X_MOTO_ACCOUNT_ID") or get_account_id_from(call.access_key)


def ec2(call: Call) -> Any:
    return ec2_backends[_account(call)][call.region]


def elb(call: Call) -> Any:
    return elbv2_backends[_account(call)][call.region]


def autoscaling(call: Call) -> Any:
    return autoscaling_backends[_account(call)][call.region]


def instances(call: Call) -> list[Any]:
    """All instances, also those that are terminated."""
    return [i for r in ec2(call).reservations.values() for i in r.instances]


def instance(call: Call, id: str) -> Any | None:
    return next((i for i in instances(call) if i.id == id), None)


def alive(call: Call) -> list[Any]:
    """Instances that still hold what they use: also those that are shutting down."""
    return [i for i in instances(call) if i._state.name != "terminated"]


def interfaces(call: Call) -> list[Any]:
    return list(ec2(call).enis.values())


def nat_gateways(call: Call) -> list[Any]:
    """NAT gateways that still hold what they use."""
    return [n for n in ec2(call).nat_gateways.values() if n.state not in ("deleted", "failed")]


def balancers(call: Call) -> list[Any]:
    return list(elb(call).load_balancers.values())


def address(call: Call, allocation_id: str) -> Any | None:
    return next((a for a in ec2(call).addresses if a.allocation_id == allocation_id), None)


def set_state(instance: Any, name: str) -> None:
    instance._state.name = name
    instance._state.code = {
        "pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80,
    }[name]


def drop_interface(call: Call, interface: Any) -> None:
    """Takes an interface away, with the association of its address."""
    for held in ec2(call).addresses:
        if held.eni is interface:
            held.eni = held.instance = held.association_id = None
    interface.public_ip = None
    # Moto keeps the addresses of what is gone.
    interface.subnet.del_subnet_ip(interface.private_ip_address)
    ec2(call).enis.pop(interface.id, None)
