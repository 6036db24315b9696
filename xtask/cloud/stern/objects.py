"""What exists, whatever the traits show of it: for comparing the cloud with what somebody believes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends

Object = dict[str, Any]


def objects() -> list[Object]:
    """One entry for each object that somebody made, and nobody has taken away: `type` and `id` as Terraform's AWS
    provider has them, `name`, `region`. What comes and goes with another object (a VPC's main route table and default
    group, an instance's root volume and interface) is left out as long as that object is there."""
    found: list[Object] = []
    for backends, list_one in ((ec2_backends, _ec2), (elbv2_backends, _elb)):
        for regions in list(backends.values()):
            for region, backend in list(regions.items()):
                found += [{"region": region, **entry} for entry in list_one(backend)]
    return sorted(found, key=lambda o: (o["type"], o["name"], o["id"]))


def _object(kind: str, id: str, name: str) -> Object:
    return {"type": kind, "id": id, "name": name}


def _ec2(ec2: Any) -> Iterator[Object]:
    def tagged(kind: str, thing: Any, other: str = "") -> Object:
        tags = ec2.tags.get(thing.id, {})
        return _object(kind, thing.id, tags.get("Name") or other)

    default = {v.id for v in ec2.vpcs.values() if v.is_default}
    yield from (tagged("aws_vpc", v, v.cidr_block) for v in ec2.vpcs.values() if v.id not in default)
    for zone in ec2.subnets.values():
        yield from (tagged("aws_subnet", s, s.cidr_block) for s in zone.values() if s.vpc_id not in default)
    yield from (tagged("aws_internet_gateway", g) for g in ec2.internet_gateways.values())
    for table in ec2.route_tables.values():
        if not table.main_association_id:
            yield tagged("aws_route_table", table)
        for id, target in table._associations.items():
            yield _object("aws_route_table_association", id, target)
    for groups in ec2.groups.values():
        for group in groups.values():
            if group.name == "default":
                continue
            yield tagged("aws_security_group", group, group.name)
            for rule in group.ingress_rules:
                yield _object("aws_vpc_security_group_ingress_rule", rule.id, _rule(group, rule))
            for rule in group.egress_rules:
                yield _object("aws_vpc_security_group_egress_rule", rule.id, _rule(group, rule))
    yield from (_object("aws_key_pair", name, name) for name in ec2.key_pairs)
    instances = [i for r in ec2.reservations.values() for i in r.instances if i._state.name != "terminated"]
    yield from (tagged("aws_instance", i) for i in instances)
    alive = {i.id for i in instances}
    used = {b["Ebs"]["VolumeId"] if isinstance(b, dict) else b.volume_id
            for i in instances for b in i.block_device_mapping.values()}
    yield from (tagged("aws_ebs_volume", v) for v in ec2.volumes.values() if v.id not in used)
    for interface in ec2.enis.values():
        owner = interface.instance.id if interface.instance else ""
        if owner not in alive and not interface.requester_managed:
            yield tagged("aws_network_interface", interface)
    for address in ec2.addresses:
        yield tagged("aws_eip", address, address.public_ip)
        if address.association_id and not (address.eni and address.eni.requester_managed):
            yield _object("aws_eip_association", address.association_id, address.public_ip)


def _rule(group: Any, rule: Any) -> str:
    source = rule.ip_range or rule.source_group or rule.prefix_list_id
    return f"{group.id} {rule.ip_protocol} {rule.from_port}-{rule.to_port} {source}"


def _elb(elb: Any) -> Iterator[Object]:
    for balancer in elb.load_balancers.values():
        yield _object("aws_lb", balancer.arn, balancer.name)
        for listener in balancer.listeners.values():
            yield _object("aws_lb_listener", listener.arn, f"{balancer.name}:{listener.port}")
    for group in elb.target_groups.values():
        yield _object("aws_lb_target_group", group.arn, group.name)
        for target in group.targets.values():
            where = f"{target['Id']}|{target.get('Port') or group.port}"
            yield _object("aws_lb_target_group_attachment", f"{group.arn}|{where}", f"{group.name}|{where}")
