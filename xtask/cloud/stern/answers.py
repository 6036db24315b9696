"""What AWS's answers have and moto's lack, whichever traits are on."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from flask import request
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.elbv2.models import FakeLoadBalancer
from moto.iam.access_control import IAMRequestBase

from .call import Answer, Call

_asked = IAMRequestBase._create_aws_request


def complete() -> None:
    """Makes moto's objects tell it."""
    SecurityGroupRule.description = property(_description)
    FakeLoadBalancer.scheme = property(_scheme, _set_scheme)
    IAMRequestBase._create_aws_request = _signed


def _description(rule: SecurityGroupRule) -> str | None:
    """Moto tells those of address ranges only. (What ModifySecurityGroupRules sets, it keeps with the range.)"""
    return rule.ip_range.get("Description") or rule.source_group.get("Description")


def _scheme(balancer: Any) -> str:
    """A balancer that was asked for without one."""
    return balancer.__dict__.get("scheme") or "internet-facing"


def _set_scheme(balancer: Any, scheme: str | None) -> None:
    balancer.__dict__["scheme"] = scheme


def _signed(asked: IAMRequestBase) -> Any:
    """Where moto checks signatures, it checks that of a form that it has written anew; not every client writes a blank
    as boto does."""
    made = _asked(asked)
    made.data = request.environ.get("stern.body") or made.data
    return made


def refused(call: Call, answer: Answer) -> Answer:
    """A refusal of moto's checks, in the words and the form of the API that was asked."""
    if answer.status not in (401, 403) or call.protocol not in ("ec2", "query"):
        return answer
    code, message = answer.code, answer.first("Message")
    if call.protocol == "ec2" and code == "AccessDenied":
        code = "UnauthorizedOperation"
    return call.error(code, unescape(message), answer.status) if code and message else answer
