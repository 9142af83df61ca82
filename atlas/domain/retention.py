"""Which recorded runs of a scope can be let go without a change getting lost or being told twice."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded run that is kept so far. One that is `needed` stays, whatever else holds."""

    seq: int
    needed: bool


def told(generated: AbstractSet[tuple[int, int]], before: int, seq: int) -> bool:
    """Has the step to run `seq` been generated? `before` is the run kept before it.

    When it was recorded the run before it was `seq - 1`, which may have been pruned since.
    """
    return (before, seq) in generated or (seq - 1, seq) in generated


def prunable(runs: Sequence[Recorded], generated: AbstractSet[tuple[int, int]]) -> list[int]:
    """The runs that can go, of all that are kept, given in their order; the newest must be needed.

    Where the run between two steps goes, the steps become one. So both were generated, or neither was: then the one
    step that is left is generated in their place. Where only one was, the run stays, or its change would get lost or
    be told twice. For the same reason the oldest goes only once the step that leads on from it was generated.
    """
    gone: list[int] = []
    before: int | None = None
    for run, following in pairwise(runs):
        if run.needed:
            before = run.seq
            continue
        onward = told(generated, run.seq, following.seq)
        if before is None:
            goes = onward
        else:
            goes = onward == told(generated, before, run.seq) == told(generated, before, following.seq)
        if goes:
            gone.append(run.seq)
        else:
            before = run.seq
    return gone


def gaps(kept: Sequence[int]) -> list[tuple[int, int]]:
    """(low, high) of each gap before a kept run: an interval that begins after `low` and has ended by `high` was seen
    by pruned runs alone. What no kept run follows is no gap: it may be open still.
    """
    return [(low, high) for low, high in zip((0, *kept), kept, strict=False) if high - low > 1]
