"""Who a call is made for, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["read", "extend", "spend", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# Who may lengthen must be able to follow, and who may pay must be able to lengthen.
INCLUDED: dict[Scope, frozenset[Scope]] = {
    "read": frozenset(("read",)),
    "extend": frozenset(("read", "extend")),
    "spend": frozenset(("read", "extend", "spend")),
    "admin": frozenset(("read", "admin")),
}


@dataclass(frozen=True)
class Principal:
    """Whoever owns tasks, files and budgets; nothing of one is visible to another.

    Attributes:
        name: Unique in a store; it is what `principal` columns hold.
        scopes: read (the own history), extend (free work, uploads, cancelling), spend (what costs credits), admin (what
            concerns the server). Each holds what it needs of the others.
    """

    name: str
    scopes: frozenset[Scope] = frozenset(SCOPES)

    def may(self, scope: Scope) -> bool:
        return any(scope in INCLUDED[held] for held in self.scopes)


# Whoever started this program: over stdio and on the command line there is nobody else.
ONE_PERSON = Principal("local")
