"""What can only be changed, or done, in the right state."""

from __future__ import annotations

from . import back
from .call import Answer, Call
from .trait import Next, Trait

# Attributes that an instance must be stopped for (ModifyInstanceAttribute's documentation).
STOPPED = ("instanceType", "userData", "kernel", "ramdisk", "ebsOptimized")


class Stopped(Trait):
    """The instance type and its like, which change while the instance is stopped only; starting what runs."""

    name = "stopped"

    def around(self, call: Call, go: Next) -> Answer:
        if call.is_ec2("ModifyInstanceAttribute"):
            names = {n for n in STOPPED if f"{n[0].upper()}{n[1:]}.Value" in call.params}
            names |= {n for n in STOPPED if call.params.get("Attribute") == n}
            instance = back.instance(call, call.params.get("InstanceId", ""))
            if names and instance and instance._state.name != "stopped":
                said = f"The instance '{instance.id}' is not in the 'stopped' state."
                return call.error("IncorrectInstanceState", said, by=self.name)
        wrong = {"StartInstances": ("stopping", "shutting-down", "terminated"),
                 "StopInstances": ("shutting-down", "terminated")}.get(call.action, ())
        if call.service == "ec2" and wrong:
            verb = "started" if call.action == "StartInstances" else "stopped"
            for id in call.listed("InstanceId"):
                instance = back.instance(call, id)
                if instance and instance._state.name in wrong:
                    said = f"The instance '{id}' is not in a state from which it can be {verb}."
                    return call.error("IncorrectInstanceState", said, by=self.name)
        return go(call)
