"""Effects that land late: what was just created is not found for a moment."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from .call import Answer, Call
from .trait import Next, Trait


@dataclass(frozen=True)
class Kind:
    """How one kind of thing is told: the element with its id in the answers that create and list it, the error for
    one that is not there, and the call that lists."""

    tag: str
    code: str
    said: str
    lists: tuple[str, ...]

    def named_in(self, call: Call, id: str) -> bool:
        """Whether the call names it. Ids are unmistakable; the names of key pairs are those of parameters so called."""
        if self.tag == "keyName":
            return any(v == id for k, v in call.params.items() if k.startswith("KeyName"))
        return id in call.mentions()


_EC2 = {
    "CreateVpc": Kind("vpcId", "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist", ("DescribeVpcs",)),
    "CreateSubnet": Kind(
        "subnetId", "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist", ("DescribeSubnets",)),
    "CreateInternetGateway": Kind(
        "internetGatewayId", "InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist",
        ("DescribeInternetGateways",)),
    "CreateRouteTable": Kind(
        "routeTableId", "InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist",
        ("DescribeRouteTables",)),
    "CreateSecurityGroup": Kind(
        "groupId", "InvalidGroup.NotFound", "The security group '{}' does not exist", ("DescribeSecurityGroups",)),
    "AuthorizeSecurityGroupIngress": Kind(
        "securityGroupRuleId", "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '{}' does not exist",
        ("DescribeSecurityGroupRules",)),
    "AuthorizeSecurityGroupEgress": Kind(
        "securityGroupRuleId", "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '{}' does not exist",
        ("DescribeSecurityGroupRules",)),
    "RunInstances": Kind(
        "instanceId", "InvalidInstanceID.NotFound", "The instance ID '{}' does not exist",
        ("DescribeInstances", "DescribeInstanceStatus")),
    "CreateVolume": Kind(
        "volumeId", "InvalidVolume.NotFound", "The volume '{}' does not exist.", ("DescribeVolumes",)),
    "CreateNetworkInterface": Kind(
        "networkInterfaceId", "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '{}' does not exist",
        ("DescribeNetworkInterfaces",)),
    "CreateNatGateway": Kind(
        "natGatewayId", "NatGatewayNotFound", "The Nat Gateway {} was not found", ("DescribeNatGateways",)),
    "AllocateAddress": Kind(
        "allocationId", "InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist",
        ("DescribeAddresses",)),
    "CreateKeyPair": Kind(
        "keyName", "InvalidKeyPair.NotFound", "The key pair '{}' does not exist", ("DescribeKeyPairs",)),
    "ImportKeyPair": Kind(
        "keyName", "InvalidKeyPair.NotFound", "The key pair '{}' does not exist", ("DescribeKeyPairs",)),
}
_ELB = {
    "CreateLoadBalancer": Kind(
        "LoadBalancerArn", "LoadBalancerNotFound", "One or more load balancers not found",
        ("DescribeLoadBalancers",)),
    "CreateTargetGroup": Kind(
        "TargetGroupArn", "TargetGroupNotFound", "One or more target groups not found", ("DescribeTargetGroups",)),
    "CreateListener": Kind(
        "ListenerArn", "ListenerNotFound", "One or more listeners not found", ("DescribeListeners",)),
}
# Parameters that name things by something other than their id, and so fail as well when nothing is found.
_BY_NAME = re.compile(r"(Names\.member|GroupName|KeyPairId|PublicIp)\.\d+$")


class Late(Trait):
    """The first `calls` looks at something new do not see it: a call that names it fails, a list leaves it out."""

    name = "late"

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {"calls": 1}
        # What is still hidden: kind, and how many looks remain. A service's ids are told apart by region.
        self._hidden: dict[tuple[str, str, str], tuple[Kind, int]] = {}

    def around(self, call: Call, go: Next) -> Answer:
        table = _EC2 if call.service == "ec2" else _ELB if call.is_elb(call.action) else None
        if table is None:
            return go(call)
        hidden = {id: kind for (s, r, id), (kind, _) in self._hidden.items() if (s, r) == (call.service, call.region)}
        if missing := sorted(id for id, kind in hidden.items() if kind.named_in(call, id)):
            # A name that is new may be asked for again by the call that makes it.
            if call.action not in table or table[call.action] != hidden[missing[0]]:
                for id in missing:
                    self._look(call, id)
                kind = hidden[missing[0]]
                return call.error(kind.code, kind.said.format(missing[0]), by=self.name)
        answer = go(call)
        if not answer.ok:
            return answer
        if kind := table.get(call.action):
            self._hide(call, kind, answer)
        elif unseen := {id for id, kind in hidden.items() if call.action in kind.lists}:
            return self._without(call, answer, hidden, unseen)
        return answer

    def _hide(self, call: Call, kind: Kind, answer: Answer) -> None:
        calls = int(self.settings["calls"])
        for id in dict.fromkeys(answer.each(kind.tag)):
            # An answer by another trait is a repeated one: what it names has been seen, perhaps.
            if calls and not answer.by:
                self._hidden.setdefault((call.service, call.region, id), (kind, calls))

    def _look(self, call: Call, id: str) -> None:
        key = (call.service, call.region, id)
        kind, left = self._hidden[key]
        if left > 1:
            self._hidden[key] = (kind, left - 1)
        else:
            del self._hidden[key]

    def _without(self, call: Call, answer: Answer, hidden: dict[str, Kind], unseen: set[str]) -> Answer:
        """The list without what is not seen yet."""
        root = ET.fromstring(answer.body)
        space = root.tag[1:].split("}")[0] if root.tag.startswith("{") else ""
        dropped: set[str] = set()
        for parent in root.iter():
            for item in list(parent):
                if item.tag.rsplit("}", 1)[-1] not in ("item", "member"):
                    continue
                for id in unseen:
                    found = item.find(f"{{{space}}}{hidden[id].tag}" if space else hidden[id].tag)
                    if found is not None and found.text == id and self._is_row(call, root, parent):
                        parent.remove(item)
                        dropped.add(id)
                        break
        for id in dropped:
            self._look(call, id)
        if not dropped:
            return answer
        if any(_BY_NAME.search(k) for k in call.params):
            kind = hidden[sorted(dropped)[0]]
            return call.error(kind.code, kind.said.format(sorted(dropped)[0]), by=self.name)
        if space:
            ET.register_namespace("", space)
        return answer.replaced(ET.tostring(root, encoding="unicode"))

    @staticmethod
    def _is_row(call: Call, root: ET.Element, parent: ET.Element) -> bool:
        """Whether this is the list that was asked for, and not a list inside one of its rows."""
        if call.action == "DescribeInstances":
            return parent.tag.endswith("instancesSet")
        if call.service == "ec2":
            return parent in list(root)
        return any(parent in list(result) for result in root)

    def reset(self) -> None:
        self._hidden.clear()
