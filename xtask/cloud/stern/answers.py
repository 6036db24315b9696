"""What AWS's answers have and moto's lack, whichever traits are on."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule
from moto.elbv2.models import FakeLoadBalancer


def complete() -> None:
    """Makes moto's objects tell it."""
    SecurityGroupRule.description = property(_description)
    FakeLoadBalancer.scheme = property(_scheme, _set_scheme)


def _description(rule: SecurityGroupRule) -> str | None:
    """Moto tells those of address ranges only. (What ModifySecurityGroupRules sets, it keeps with the range.)"""
    return rule.ip_range.get("Description") or rule.source_group.get("Description")


def _scheme(balancer: Any) -> str:
    """A balancer that was asked for without one."""
    return balancer.__dict__.get("scheme") or "internet-facing"


def _set_scheme(balancer: Any, scheme: str | None) -> None:
    balancer.__dict__["scheme"] = scheme
