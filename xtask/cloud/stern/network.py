"""Network load balancers that are network load balancers."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import FakeLoadBalancer

from . import back
from .call import Answer, Call
from .trait import Next, Trait


class NetworkBalancer(FakeLoadBalancer):
    """Moto's balancer, with the addresses that it was given."""

    @property
    def availability_zones(self) -> list[Any]:
        zones = super().availability_zones
        for zone in zones:
            if held := self.addresses.get(zone.subnet_id):
                zone.load_balancer_addresses = [{"AllocationId": held.allocation_id, "IpAddress": held.public_ip}]
        return zones


class Network(Trait):
    """Its ARN says `net/`, and the Elastic IPs of its subnets are kept, and associated until it goes."""

    name = "network"

    def around(self, call: Call, go: Next) -> Answer:
        if call.is_elb("CreateLoadBalancer") and call.params.get("Type") == "network":
            return self._create(call, go)
        if call.is_elb("DeleteLoadBalancer"):
            return self._delete(call, go)
        return go(call)

    def _create(self, call: Call, go: Next) -> Answer:
        wanted: dict[str, Any] = {}
        for key, allocation in call.params.items():
            if not key.startswith("SubnetMappings.member.") or not key.endswith(".AllocationId"):
                continue
            held = back.address(call, allocation)
            if held is None:
                said = f"The allocation ID '{allocation}' does not exist"
                return call.error("AllocationIdNotFound", said, by=self.name)
            if held.association_id or held in wanted.values():
                said = f"The allocation ID '{allocation}' is already in use"
                return call.error("InvalidConfigurationRequest", said, by=self.name)
            wanted[call.params[key.replace(".AllocationId", ".SubnetId")]] = held
        answer = go(call)
        old = answer.first("LoadBalancerArn") or ""
        balancer = back.elb(call).load_balancers.get(old)
        if not answer.ok or answer.by or balancer is None:
            return answer
        self._rename(call, balancer, old.replace(":loadbalancer/app/", ":loadbalancer/net/"))
        balancer.__class__, balancer.addresses = NetworkBalancer, wanted
        ec2 = back.ec2(call)
        balancer.interfaces = []
        for subnet, held in wanted.items():
            words = f"ELB {balancer.arn.rsplit(':loadbalancer/', 1)[1]}"
            interface = ec2.create_network_interface(ec2.get_subnet(subnet), None, description=words)
            interface.requester_managed = True
            ec2.associate_address(eni=interface, allocation_id=held.allocation_id)
            balancer.interfaces.append(interface)
        params = {"Action": "DescribeLoadBalancers", "Version": call.params.get("Version", ""),
                  "LoadBalancerArns.member.1": balancer.arn}
        shown = go(call.with_params(params))
        # Looking at it is what makes moto's balancer active: it is as new as before.
        balancer.state = "provisioning"
        text = shown.text.replace("DescribeLoadBalancersRes", "CreateLoadBalancerRes")
        return shown.replaced(text.replace("<Code>active</Code>", "<Code>provisioning</Code>"))

    @staticmethod
    def _rename(call: Call, balancer: Any, arn: str) -> None:
        backend, old = back.elb(call), balancer.arn
        tags = backend.tagging_service.get_tag_dict_for_resource(old)
        backend.tagging_service.delete_all_tags_for_resource(old)
        backend.tagging_service.tag_resource(arn, [{"Key": k, "Value": v} for k, v in tags.items()])
        del backend.load_balancers[old]
        balancer.arn = arn
        backend.load_balancers[arn] = balancer

    @staticmethod
    def _delete(call: Call, go: Next) -> Answer:
        balancer = back.elb(call).load_balancers.get(call.params.get("LoadBalancerArn", ""))
        answer = go(call)
        if answer.ok:
            for interface in getattr(balancer, "interfaces", []):
                back.drop_interface(call, interface)
        return answer
