"""From verified pairs to clusters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.data.pairs import Pairs, connected


def groups(pairs: Pairs, firm: float) -> Iterator[list[int]]:
    """Groups of places, each rising, in the order of their first place.

    A place joins the group of the place it is most like. Two groups are joined only by a pair at or above ``firm``, so
    that a chain of weak likenesses does not make one group of everything. 30 bytes a pair.
    """
    if not len(pairs):
        return
    nodes, ends = np.unique(np.r_[pairs.ones, pairs.others], return_inverse=True)
    ones, others = ends[: len(pairs)].astype(np.int32), ends[len(pairs) :].astype(np.int32)
    firmly = pairs.likeness >= firm
    of = connected(len(nodes), ones[firmly], others[firmly])
    free = np.bincount(of, minlength=len(nodes))[of] == 1
    free[ones[firmly]] = free[others[firmly]] = False
    weak = np.flatnonzero(~firmly & (free[ones] | free[others]))
    for place in weak[np.lexsort((pairs.others[weak], pairs.ones[weak], -pairs.likeness[weak]))].tolist():
        one, other = ones[place], others[place]
        if free[one] or free[other]:
            # A free place takes the number of the other's group; of two free ones, the second that of the first.
            one, other = (other, one) if free[one] and not free[other] else (one, other)
            of[other] = of[one]
            free[one] = free[other] = False
    order = np.argsort(of, kind="stable")
    borders = np.flatnonzero(np.diff(of[order])) + 1
    found = [part for part in np.split(nodes[order], borders) if len(part) > 1]
    yield from (part.tolist() for part in sorted(found, key=lambda part: int(part[0])))
