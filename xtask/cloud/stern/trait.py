"""What every trait is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .call import Answer, Call

Next = Callable[[Call], Answer]


class Trait:
    """One way in which AWS is stern and moto is not.

    A trait stands around the ones below it, and moto at the bottom: it may answer by itself, or call `go` and
    change the answer. `settings` are what a caller of `/stern/traits` can change; `on` is one of them.
    """

    name = ""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"on": True}

    def around(self, call: Call, go: Next) -> Answer:
        return go(call)

    def configure(self, changes: dict[str, Any]) -> None:
        """Takes new settings; a name or a type that it does not know is an error."""
        for key, value in changes.items():
            if key not in self.settings:
                raise ValueError(f"{self.name} has no setting {key}; it has {', '.join(self.settings)}")
            old = self.settings[key]
            fits = isinstance(value, bool) if isinstance(old, bool) else (
                isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
            )
            if not fits:
                raise ValueError(f"{self.name}.{key} takes {'true or false' if isinstance(old, bool) else 'a number'}")
        self.settings.update(changes)

    def reset(self) -> None:
        """Forgets what it remembers; the settings stay."""
