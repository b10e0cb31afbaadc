"""From verified pairs to clusters."""

from __future__ import annotations

from collections.abc import Iterator


class Clusters:
    """Groups of places, joined by pairs that are given in falling order of likeness.

    A row joins the group of the row it is most like. Two groups are joined only by a pair at or above ``firm``, so
    that a chain of weak likenesses does not make one group of everything.
    """

    def __init__(self, firm: float) -> None:
        self.firm = firm
        self._root: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}

    def join(self, one: int, other: int, likeness: float) -> None:
        mine, theirs = self._root.get(one), self._root.get(other)
        if mine is None and theirs is None:
            self._root[one] = self._root[other] = one
            self._members[one] = [one, other]
        elif mine is None or theirs is None:
            root, free = (theirs, one) if mine is None else (mine, other)
            assert root is not None
            self._root[free] = root
            self._members[root].append(free)
        elif mine != theirs and likeness >= self.firm:
            if len(self._members[mine]) < len(self._members[theirs]):
                mine, theirs = theirs, mine
            for place in self._members.pop(theirs):
                self._root[place] = mine
                self._members[mine].append(place)

    def groups(self) -> Iterator[list[int]]:
        """Each group's places, rising; groups in the order of their first place."""
        yield from sorted(sorted(members) for members in self._members.values())
