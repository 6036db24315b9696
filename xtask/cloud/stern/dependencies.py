"""What is in use stays."""

from __future__ import annotations

from . import back
from .call import Answer, Call
from .trait import Next, Trait


class Dependencies(Trait):
    """Refuses to take away what something else needs, in AWS's words."""

    name = "dependencies"

    def around(self, call: Call, go: Next) -> Answer:
        check = getattr(self, "_" + call.action, None) if call.service == "ec2" else None
        return (check(call) if check else None) or go(call)

    def _violation(self, call: Call, said: str) -> Answer:
        return call.error("DependencyViolation", said, by=self.name)

    def _RunInstances(self, call: Call) -> Answer | None:
        first = "NetworkInterface.1."
        wanted = call.params.get("PrivateIpAddress") or call.params.get(first + "PrivateIpAddress", "")
        subnet = call.params.get("SubnetId") or call.params.get(first + "SubnetId", "")
        if any(e.subnet.id == subnet and e.private_ip_address == wanted for e in back.interfaces(call)):
            return call.error("InvalidIPAddress.InUse", f"Address {wanted} is in use.", by=self.name)
        return None

    def _DeleteSubnet(self, call: Call) -> Answer | None:
        id = call.params.get("SubnetId", "")
        used = (
            any(e.subnet.id == id for e in back.interfaces(call) if _holds(e))
            or any(i.subnet_id == id for i in back.alive(call))
            or any(n.subnet_id == id for n in back.nat_gateways(call))
            or any(s.id == id for b in back.balancers(call) for s in b.subnets)
        )
        return self._violation(call, f"The subnet '{id}' has dependencies and cannot be deleted.") if used else None

    def _DeleteSecurityGroup(self, call: Call) -> Answer | None:
        ec2 = back.ec2(call)
        id = call.params.get("GroupId", "")
        if not id and (group := ec2.get_security_group_by_name_or_id(call.params.get("GroupName", ""))):
            id = group.id
        if any(id == g.id and g.name == "default" for groups in ec2.groups.values() for g in groups.values()):
            return call.error("CannotDelete", f"the specified group: \"{id}\" name: \"default\" cannot be deleted by a"
                              " user", by=self.name)
        used = (
            any(g.id == id for e in back.interfaces(call) if _holds(e) for g in e.group_set)
            or any(g.id == id for i in back.alive(call) for g in i.security_groups)
            or any(id in (b.security_groups or []) for b in back.balancers(call))
            or any(_refers(group, id) for groups in ec2.groups.values() for group in groups.values() if group.id != id)
        )
        return self._violation(call, f"resource {id} has a dependent object") if used else None

    def _DeleteVpc(self, call: Call) -> Answer | None:
        ec2 = back.ec2(call)
        id = call.params.get("VpcId", "")
        used = (
            any(g.vpc is not None and g.vpc.id == id for g in ec2.internet_gateways.values())
            or any(g.name != "default" for g in ec2.groups.get(id, {}).values())
            or any(s.vpc_id == id for zone in ec2.subnets.values() for s in zone.values())
            or any(e.subnet.vpc_id == id for e in back.interfaces(call) if _holds(e))
            or any(n.vpc_id == id for n in back.nat_gateways(call))
            or any(e.vpc_id == id and e.state != "deleted" for e in ec2.vpc_end_points.values())
            or sum(t.vpc_id == id for t in ec2.route_tables.values()) > 1
        )
        return self._violation(call, f"The vpc '{id}' has dependencies and cannot be deleted.") if used else None

    def _DetachInternetGateway(self, call: Call) -> Answer | None:
        id = call.params.get("VpcId", "")
        mapped = (
            any(e.public_ip and e.subnet.vpc_id == id for e in back.interfaces(call) if _holds(e))
            or any(i.public_ip and i.vpc_id == id for i in back.alive(call))
            or any(b.scheme == "internet-facing" and b.vpc_id == id for b in back.balancers(call))
        )
        said = f"Network {id} has some mapped public address(es). Please unmap those public address(es) before " \
            "detaching the gateway."
        return self._violation(call, said) if mapped else None

    def _DeleteNetworkInterface(self, call: Call) -> Answer | None:
        id = call.params.get("NetworkInterfaceId", "")
        interface = back.ec2(call).enis.get(id)
        balancers_own = interface is not None and interface.description.startswith("ELB ")
        if interface is None or not (_attached(interface) or balancers_own):
            return None
        return call.error("InvalidParameterValue", f"Network interface '{id}' is currently in use.", by=self.name)

    def _ReleaseAddress(self, call: Call) -> Answer | None:
        held = back.address(call, call.params.get("AllocationId", ""))
        if held is None or not held.association_id:
            return None
        return call.error("InvalidIPAddress.InUse", f"Address {held.public_ip} is in use.", by=self.name)


def _attached(interface: object) -> bool:
    return bool(interface.attachment_id) and interface.instance is not None and (
        interface.instance._state.name != "terminated"
    )


def _holds(interface: object) -> bool:
    """Whether an interface is one that AWS would still have: moto keeps those of terminated instances."""
    return interface.instance is None or interface.instance._state.name != "terminated"


def _refers(group: object, id: str) -> bool:
    """Whether a rule of the group lets the other group in or out."""
    for rule in [*group.ingress_rules, *group.egress_rules]:
        pairs = rule.source_groups if hasattr(rule, "source_groups") else [getattr(rule, "source_group", None) or {}]
        if any(pair.get("GroupId") == id for pair in pairs):
            return True
    return False
