"""Names that can be given once."""

from __future__ import annotations

from . import back
from .call import Answer, Call
from .trait import Next, Trait


class Names(Trait):
    """Load balancers, their listeners' ports, and Auto Scaling groups.

    A load balancer or listener asked for again with the very same settings is the one that is there (their
    documentation: "This operation is idempotent"); with others its name, or port, is a duplicate.
    """

    name = "names"

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[str, dict[str, str]] = {}

    def around(self, call: Call, go: Next) -> Answer:
        if call.is_elb("CreateLoadBalancer"):
            return self._balancer(call, go)
        if call.is_elb("CreateListener"):
            return self._listener(call, go)
        if call.service == "autoscaling" and call.action == "CreateAutoScalingGroup":
            name = call.params.get("AutoScalingGroupName", "")
            if name in back.autoscaling(call).autoscaling_groups:
                said = f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
                return call.error("AlreadyExists", said, by=self.name)
        return go(call)

    def _balancer(self, call: Call, go: Next) -> Answer:
        name = call.params.get("Name")
        for balancer in back.balancers(call):
            if balancer.name == name:
                if self._asked.get(balancer.arn) == call.params:
                    return self._described(call, balancer.arn, go)
                said = "A load balancer with the specified name already exists"
                return call.error("DuplicateLoadBalancerName", said, by=self.name)
        answer = go(call)
        if answer.ok and (arn := answer.first("LoadBalancerArn")):
            self._asked[arn] = dict(call.params)
        return answer

    def _listener(self, call: Call, go: Next) -> Answer:
        balancer = back.elb(call).load_balancers.get(call.params.get("LoadBalancerArn", ""))
        for listener in balancer.listeners.values() if balancer else ():
            if str(listener.port) == call.params.get("Port"):
                if self._asked.get(listener.arn) == call.params:
                    return self._described(call, listener.arn, go, "Listener")
                said = "A listener already exists on this port for this load balancer"
                return call.error("DuplicateListener", said, by=self.name)
        answer = go(call)
        if answer.ok and (arn := answer.first("ListenerArn")):
            self._asked[arn] = dict(call.params)
        return answer

    def _described(self, call: Call, arn: str, go: Next, kind: str = "LoadBalancer") -> Answer:
        """The answer to a description, worded as one to a creation."""
        params = {"Action": f"Describe{kind}s", "Version": call.params.get("Version", ""), f"{kind}Arns.member.1": arn}
        answer = go(call.with_params(params))
        text = answer.text.replace(f"Describe{kind}sRes", f"Create{kind}Res")
        answer = answer.replaced(text)
        answer.by = self.name
        return answer

    def reset(self) -> None:
        self._asked.clear()
