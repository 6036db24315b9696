"""Things that take their time: instances, NAT gateways, load balancers and their targets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import back
from .call import Answer, Call
from .trait import Next, Trait

# What a change shows first, and what it shows in the end.
_INSTANCES = {
    "RunInstances": ("pending", "running"),
    "StartInstances": ("pending", "running"),
    "StopInstances": ("stopping", "stopped"),
    "TerminateInstances": ("shutting-down", "terminated"),
}
_LOOKS = {
    "i-": ("DescribeInstances", "DescribeInstanceStatus"),
    "nat-": ("DescribeNatGateways",),
    "arn:": ("DescribeLoadBalancers",),
}


class Transitions(Trait):
    """A state that changes does so after `calls` looks: a description of the thing, or a refusal because of it."""

    name = "transitions"

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {"calls": 2}
        # For each thing under way: how many looks remain, and what then happens.
        self._under_way: dict[tuple[str, str], tuple[int, Callable[[], None]]] = {}
        self._targets: dict[tuple[str, str, str], int] = {}

    def around(self, call: Call, go: Next) -> Answer:
        if call.service == "ec2" and call.action in _INSTANCES:
            return self._instances(call, go)
        if call.is_ec2("CreateNatGateway", "DeleteNatGateway"):
            return self._nat(call, go)
        if call.is_elb("CreateLoadBalancer"):
            return self._balancer(call, go)
        if call.is_elb("RegisterTargets", "DeregisterTargets", "DescribeTargetHealth"):
            return self._target_health(call, go)
        answer = go(call)
        self._looked(call, answer)
        if call.is_ec2("AttachNetworkInterface"):
            _mark_guests(call, answer)
        return answer

    def _begin(self, call: Call, id: str, then: Callable[[], None]) -> None:
        calls = int(self.settings["calls"])
        if calls:
            self._under_way[call.region, id] = (calls, then)
        else:
            then()

    def _looked(self, call: Call, answer: Answer) -> None:
        """Counts this look for everything that it saw."""
        refused = answer.code in ("DependencyViolation", "InvalidIPAddress.InUse", "IncorrectInstanceState")
        for (region, id), (left, then) in list(self._under_way.items()):
            looks = next((v for k, v in _LOOKS.items() if id.startswith(k)), ())
            described = answer.ok and call.action in looks and id in answer.text
            if region != call.region or not (described or refused):
                continue
            if left > 1:
                self._under_way[region, id] = (left - 1, then)
            else:
                del self._under_way[region, id]
                then()

    def _instances(self, call: Call, go: Next) -> Answer:
        before = {id: i._state.name for i in back.instances(call) for id in [i.id]}
        answer = go(call)
        if not answer.ok or answer.by:
            return answer
        if call.action == "RunInstances":
            _mark_guests(call, answer)
        first, last = _INSTANCES[call.action]
        for id in dict.fromkeys(answer.each("instanceId")):
            instance = back.instance(call, id)
            # One that is there already has nothing to go through.
            if instance is None or before.get(id) == last:
                continue
            back.set_state(instance, first)
            self._begin(call, id, lambda i=instance, c=call: self._arrived(c, i, last))
            answer = answer.replaced(_shown(answer.text, id, call.action, instance))
        return answer

    @staticmethod
    def _arrived(call: Call, instance: Any, state: str) -> None:
        back.set_state(instance, state)
        if state != "terminated":
            return
        # Moto leaves the interfaces and addresses of what is terminated where they were.
        for interface in [e for e in back.interfaces(call) if e.instance is instance]:
            if getattr(interface, "guest", False):
                interface.instance = interface.attachment_id = None
                interface.status = "available"
            else:
                back.drop_interface(call, interface)
        for held in back.ec2(call).addresses:
            if held.instance is instance:
                held.eni = held.instance = held.association_id = None

    def _nat(self, call: Call, go: Next) -> Answer:
        answer = go(call)
        gateway = back.ec2(call).nat_gateways.get(answer.first("natGatewayId") or "")
        if not answer.ok or answer.by or gateway is None:
            return answer
        if call.action == "CreateNatGateway":
            gateway.state = "pending"
            self._begin(call, gateway.id, lambda: setattr(gateway, "state", "available"))
            return answer.replaced(answer.text.replace("<state>available</state>", "<state>pending</state>"))

        def gone() -> None:
            gateway.state = "deleted"
            back.drop_interface(call, gateway._eni)

        gateway.state = "deleting"
        self._begin(call, gateway.id, gone)
        return answer

    def _balancer(self, call: Call, go: Next) -> Answer:
        answer = go(call)
        balancer = back.elb(call).load_balancers.get(answer.first("LoadBalancerArn") or "")
        if answer.ok and not answer.by and balancer is not None:
            # Moto's own balancer becomes active with the first look, whoever looks.
            balancer.activate = lambda: None
            self._begin(call, balancer.arn, lambda: setattr(balancer, "state", "active"))
        return answer

    def _target_health(self, call: Call, go: Next) -> Answer:
        answer = go(call)
        group = call.params.get("TargetGroupArn", "")
        if not answer.ok:
            return answer
        if call.action != "DescribeTargetHealth":
            for key, id in call.params.items():
                if re.fullmatch(r"Targets\.member\.\d+\.Id", key):
                    self._targets.pop((call.region, group, id), None)
                    if call.action == "RegisterTargets" and self.settings["calls"]:
                        self._targets[call.region, group, id] = int(self.settings["calls"])
            return answer
        return answer.replaced(re.sub(r"<member>.*?</member>", lambda m: self._initial(call, group, m[0]),
                                      answer.text, flags=re.S))

    def _initial(self, call: Call, group: str, member: str) -> str:
        found = re.search(r"<Id>([^<]*)</Id>", member)
        key = (call.region, group, found[1] if found else "")
        left = self._targets.get(key, 0)
        if not left or "<State>healthy</State>" not in member:
            return member
        if left > 1:
            self._targets[key] = left - 1
        else:
            del self._targets[key]
        return member.replace(
            "<State>healthy</State>",
            "<State>initial</State><Reason>Elb.RegistrationInProgress</Reason>"
            "<Description>Target registration is in progress</Description>",
        )

    def reset(self) -> None:
        self._under_way.clear()
        self._targets.clear()


def _mark_guests(call: Call, answer: Answer) -> None:
    """Interfaces that were there before their instance outlive it."""
    for key, id in call.params.items():
        if answer.ok and key.endswith("NetworkInterfaceId") and (found := back.ec2(call).enis.get(id)):
            found.guest = True


def _shown(text: str, id: str, action: str, instance: Any) -> str:
    """The answer to a change with the state that is shown first."""
    tag = "instanceState" if action == "RunInstances" else "currentState"
    state = f"<{tag}><code>{instance._state.code}</code><name>{instance._state.name}</name></{tag}>"
    pattern = rf"(<instanceId>{id}</instanceId>(?:(?!<instanceId>).)*?)<{tag}>.*?</{tag}>"
    changed, count = re.subn(pattern, lambda m: m[1] + state, text, count=1, flags=re.S)
    if count:
        return changed
    # The state may stand before the id.
    pattern = rf"<{tag}>(?:(?!</{tag}>).)*</{tag}>((?:(?!<{tag}>).)*?<instanceId>{id}</instanceId>)"
    return re.sub(pattern, lambda m: state + m[1], text, count=1, flags=re.S)
