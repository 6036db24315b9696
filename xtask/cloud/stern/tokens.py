"""Client tokens: a repeated call gets the first one's answer, and has no second effect."""

from __future__ import annotations

from .call import Answer, Call
from .trait import Next, Trait


class Tokens(Trait):
    """`ClientToken` of EC2's creating calls (instances, volumes, NAT gateways, …)."""

    name = "tokens"

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str, str, str], tuple[dict[str, str], Answer]] = {}

    def around(self, call: Call, go: Next) -> Answer:
        token = call.params.get("ClientToken")
        if call.service != "ec2" or not token:
            return go(call)
        key = (call.access_key, call.region, call.action, token)
        asked = {k: v for k, v in call.params.items() if k not in ("ClientToken", "Version")}
        if key in self._seen:
            before, answer = self._seen[key]
            if before == asked:
                return Answer(answer.status, answer.headers, answer.body, self.name)
            return call.error(
                "IdempotentParameterMismatch",
                f"The request uses the same client token as a previous, but non-identical request: {token}",
                by=self.name,
            )
        answer = go(call)
        if answer.ok:
            self._seen[key] = (asked, answer)
        return answer

    def reset(self) -> None:
        self._seen.clear()
