"""A plain model of a scope's drift, written from the design's words: worlds in lists, findings in a dict, no SQL."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

TYPES = ("configurationPolicy", "deviceConfiguration")

Content = tuple[str, int]
"""An object's name and its one value."""
Thing = tuple[str, int]
"""An object's type and its number in the source, which several may have."""
Subject = tuple[str, int, str]
"""What an object is known by: type, number, and where others have the same number the name that it came by, or ""."""
Move = tuple[str, int, str, Content | None, Content | None]
"""What a finding is about: the object, its content before and after; or `SHARED` and no contents."""
SHARED = "several objects have this number"


@dataclass(frozen=True, slots=True)
class State:
    """What a finding shows of its life."""

    status: str = "NEW"
    resolution: str | None = None
    is_current: bool = True
    occurrences: int = 1
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A recorded run: what the scope holds after it, how each type was read, and which numbers several objects had."""

    world: dict[Subject, Content]
    coverage: dict[str, str]
    shared: frozenset[Thing] = frozenset()


@dataclass(slots=True)
class Model:
    """One scope. `runs[0]` is run 1; what a run could not read carries over what was last read completely.

    `newer` holds of each finding whose object moved on those that may stand as what superseded it.
    """

    runs: list[Run] = field(default_factory=list)
    findings: dict[Move, State] = field(default_factory=dict)
    newer: dict[Move, frozenset[Move]] = field(default_factory=dict)
    counts: dict[tuple[int, int], dict[str, object]] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)
    generated: int = 0
    pinned: int | None = None
    ever_pinned: bool = False
    pruned: set[int] = field(default_factory=set)

    @property
    def kept(self) -> list[int]:
        return [seq for seq in range(1, len(self.runs) + 1) if seq not in self.pruned]

    def record(self, seen: Sequence[tuple[Thing, Content]], read: dict[str, str], *, confirmed: bool = False) -> str:
        """`read` tells how each type came: COMPLETE, FAILED, or not at all. What becomes of the run: RECORDED, FAILED
        where no type was complete, HELD where half of a type is gone and nobody confirmed it.
        """
        last = self.runs[-1].world if self.runs else {}
        absent = {subject[0] for subject in last} - set(read)
        coverage = read | dict.fromkeys(absent, "ABSENT")
        complete = {item_type for item_type, status in coverage.items() if status == "COMPLETE"}
        if not complete:
            return "FAILED"
        came = [one for one in seen if one[0][0] in complete]
        new = _known_by(last, came)
        for item_type in complete:
            held = {subject for subject in last if subject[0] == item_type}
            if not confirmed and len(held) > 1 and 2 * len(held - new.keys()) >= len(held):
                return "HELD"
        kept = {subject: content for subject, content in last.items() if subject[0] not in complete}
        numbers = Counter(thing for thing, _ in came)
        self.runs.append(Run(kept | new, coverage, frozenset(one for one, times in numbers.items() if times > 1)))
        return "RECORDED"

    def acknowledge(self, move: Move) -> None:
        self.findings[move] = replace(self.findings[move], status="ACKNOWLEDGED", acknowledged=True)

    def reopen(self, move: Move) -> None:
        self.findings[move] = replace(self.findings[move], status="NEW", acknowledged=False)

    def pin(self, seq: int) -> None:
        """Measures from a run, and accepts what it holds; of a type that was not read by then, not even its absence."""
        self.pinned, self.ever_pinned = seq, True
        for move, state in self.findings.items():
            if move[2] == SHARED:
                continue
            held, read = self._world(seq).get(move[:3]), move[0] in self._complete_before(seq)
            if state.status != "RESOLVED" and held == move[4] and read:
                self.findings[move] = replace(state, status="RESOLVED", resolution="BASELINED")

    def generate(self) -> bool:
        """Generates what is not generated yet. False where there is nothing to compare."""
        last = len(self.runs)
        if last < 2 or (self.pinned is not None and self.pinned >= last):
            return False
        if self.pinned is not None:
            pairs: Iterable[tuple[int, int]] = [(self.pinned, last)]
        else:
            pairs = [step for step in pairwise(self.kept) if not self._told(step)]
        for pair in pairs:
            if pair not in self.counts:
                self._generate(*pair)
        return True

    def prune(self, until: int) -> None:
        """Lets go of the runs up to a number that nothing needs. A step over them is told if all of its parts were."""
        needed = {len(self.runs), self.pinned, *self.judged.values()}
        needed |= {seq for pair in self.counts if pair[1] == self.generated for seq in pair}
        for seq in [one for one in self.kept if one <= until and one not in needed]:
            at = self.kept.index(seq)
            parts = [self._told((seq, self.kept[at + 1]))]
            if at > 0:
                parts += [self._told((self.kept[at - 1], seq)), self._told((self.kept[at - 1], self.kept[at + 1]))]
            if len(set(parts)) == 1 and (at > 0 or parts[0]):
                self.pruned.add(seq)

    def _told(self, step: tuple[int, int]) -> bool:
        """A step counts as told by the pair of its two runs, or by the pair of its end and the run recorded before."""
        return step in self.counts or (step[1] - 1, step[1]) in self.counts

    def _world(self, seq: int) -> dict[Subject, Content]:
        return self.runs[seq - 1].world

    def _complete_before(self, seq: int) -> set[str]:
        return {one for run in self.runs[:seq] for one, status in run.coverage.items() if status == "COMPLETE"}

    def _generate(self, baseline: int, current: int) -> None:
        coverage, before = self.runs[current - 1].coverage, self._complete_before(baseline)
        reasons = {
            item_type: "ABSENT" if status == "ABSENT" else "INCOMPLETE" if status != "COMPLETE" else "NEVER_READ_BEFORE"
            for item_type, status in coverage.items()
            if status != "COMPLETE" or item_type not in before
        }
        evaluated = set(coverage) - set(reasons)
        old, new = self._world(baseline), self._world(current)
        moves: list[Move] = [
            (*subject, old.get(subject), new.get(subject))
            for subject in sorted(old.keys() | new.keys())
            if subject[0] in evaluated and old.get(subject) != new.get(subject)
        ]
        causes: list[Move] = [(*thing, SHARED, None, None) for thing in sorted(self.runs[current - 1].shared)]
        was = dict(self.findings)
        newest = current >= self.generated
        last = self.generated
        if newest:
            for move in self._judged(evaluated, moves, baseline, current):
                now = new.get(move[:3])
                self._moved_on(move, now, moves, is_open=was[move].status != "RESOLVED")
                self.findings[move] = self._next(move, was, now, moves, old.get(move[:3]))
            for move in [one for one in was if one[2] == SHARED and coverage.get(one[0]) == "COMPLETE"]:
                self.findings[move] = _shared_again(was[move]) if move in causes else _cleared(was[move])
            self.generated = current
        for move in moves:
            if move not in was:
                seq = current if newest else max(current, self.judged.get(move[0], current))
                now = self._world(seq).get(move[:3])
                self._moved_on(move, now, moves, is_open=True)
                self.findings[move] = self._birth(move, was, now)
        for move in causes:
            if move not in was:
                self.findings[move] = State() if newest or self._is_shared(move[:2], last) else _cleared(State())
        if newest:
            self.judged |= dict.fromkeys(evaluated, current)
        self.counts[baseline, current] = self._count(moves, causes, was) | {"not_evaluated": reasons}

    def _is_shared(self, thing: Thing, seq: int) -> bool:
        """By the newest run up to a number that read the type to its end."""
        read = [run for run in self.runs[:seq] if run.coverage.get(thing[0]) == "COMPLETE"]
        return bool(read) and thing in read[-1].shared

    def _moved_on(self, move: Move, now: Content | None, moves: list[Move], *, is_open: bool) -> None:
        """Notes what may stand as superseding a finding: nothing where its object is back or stands.

        From a pin that tells the whole difference, otherwise what goes on from where the finding ends; to where the
        object is now, if there is such a finding. What is resolved only keeps what it has.
        """
        *subject, before, after = move
        if now in (before, after) or not (is_open or self.newer.get(move)):
            self.newer[move] = frozenset()
            return
        start = after if self.pinned is None else before
        known = [one for one in {*moves, *self.findings} if list(one[:3]) == subject and one[2] != SHARED]
        onward = [one for one in known if one[3] == start and one[4] not in (before, after)]
        exact = [one for one in onward if one[4] == now]
        self.newer[move] = frozenset(exact or onward)

    def _judged(self, evaluated: set[str], moves: list[Move], baseline: int, current: int) -> list[Move]:
        """All findings of what was evaluated; once a pin came into it, of what moved since it was judged (ADR 7)."""
        judged = []
        for move in self.findings:
            subject = move[:3]
            if move[2] == SHARED:
                continue
            since = self._world(self.judged.get(subject[0], baseline)).get(subject)
            moved = since != self._world(current).get(subject) or subject in {one[:3] for one in moves}
            if subject[0] in evaluated and (moved or not self.ever_pinned):
                judged.append(move)
        return judged

    def _next(
        self, move: Move, was: dict[Move, State], now: Content | None, moves: list[Move], accepted: Content | None
    ) -> State:
        before, after = move[3:]
        state, is_open = was[move], was[move].status != "RESOLVED"
        if now == before:
            return replace(_resolved(state, "REVERTED"), is_current=False)
        if now != after:
            state = _resolved(state, "SUPERSEDED") if self.pinned is not None else state
            return replace(state, is_current=False)
        if self.pinned is not None:
            if now == accepted:
                return replace(_resolved(state, "BASELINED"), is_current=True)
            comes_back = not is_open and move in moves
        else:
            comes_back = not is_open and not state.is_current
        if not comes_back:
            return replace(state, is_current=True)
        undone = was.get((*move[:3], after, before))
        if self.pinned is None and not state.acknowledged and undone is not None and undone.status == "NEW":
            return replace(state, resolution="REVERTED", is_current=True)
        status = "ACKNOWLEDGED" if state.acknowledged else "NEW"
        return State(status=status, occurrences=state.occurrences + 1, acknowledged=state.acknowledged)

    def _birth(self, move: Move, was: dict[Move, State], now: Content | None) -> State:
        before, after = move[3:]
        if now == before:
            return State("RESOLVED", "REVERTED", is_current=False)
        if now != after:
            return State(is_current=False)
        undone = was.get((*move[:3], after, before))
        if self.pinned is None and undone is not None and undone.status == "NEW":
            return State("RESOLVED", "REVERTED")
        return State()

    def _count(self, moves: list[Move], causes: list[Move], was: dict[Move, State]) -> dict[str, object]:
        kinds = Counter("added" if m[3] is None else "removed" if m[4] is None else "modified" for m in moves)
        steps = [(was[move].status, state.status) for move, state in self.findings.items() if move in was]
        return {
            **{kind: kinds[kind] for kind in ("added", "removed", "modified")},
            "findings_new": sum(self.findings[move].status == "NEW" for move in self.findings if move not in was),
            "findings_reopened": sum(a == "RESOLVED" != b for a, b in steps),
            "findings_resolved": sum(a != "RESOLVED" == b for a, b in steps),
            "findings_unchanged": sum(
                move in was and was[move].status == self.findings[move].status for move in [*moves, *causes]
            ),
        }


def _resolved(state: State, resolution: str) -> State:
    return state if state.status == "RESOLVED" else replace(state, status="RESOLVED", resolution=resolution)


def _cleared(state: State) -> State:
    return replace(_resolved(state, "CLEARED"), is_current=False)


def _shared_again(state: State) -> State:
    if state.status != "RESOLVED" or state.is_current:
        return replace(state, is_current=True)
    status = "ACKNOWLEDGED" if state.acknowledged else "NEW"
    return State(status=status, occurrences=state.occurrences + 1, acknowledged=state.acknowledged)


def _known_by(last: dict[Subject, Content], came: Sequence[tuple[Thing, Content]]) -> dict[Subject, Content]:
    """What came, by what it is known by: of several with one number by name, then one that is left for one that is.

    The first by name of all others has the number for itself, if none has it, and the rest are known by their names.
    """
    known = dict[Subject, Content]()
    for thing in {thing for thing, _ in came}:
        left = sorted(content for other, content in came if other == thing)
        slots = {subject[2]: name for subject, (name, _) in last.items() if subject[:2] == thing}
        own = {slot: content for slot, name in slots.items() for content in left if content[0] == name}
        left = [content for content in left if content not in own.values()]
        free = [slot for slot in slots if slot not in own]
        if len(left) == len(free) == 1:
            own[free[0]] = left.pop()
        for content in left:
            own["" if "" not in own else content[0]] = content
        known |= {(*thing, slot): content for slot, content in own.items()}
    return known
