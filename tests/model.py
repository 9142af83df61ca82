"""A plain model of a scope's drift, written from the design's words: worlds in lists, findings in a dict, no SQL."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

TYPES = ("configurationPolicy", "deviceConfiguration")

Content = tuple[str, int]
"""An object's name and its one value."""
Subject = tuple[str, int]
"""An object's type and number."""
Move = tuple[str, int, Content | None, Content | None]
"""What a finding is about: type and number of the object, its content before and after."""


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
    """A recorded run: what the scope holds after it, and how each type was read."""

    world: dict[Subject, Content]
    coverage: dict[str, str]


@dataclass(slots=True)
class Model:
    """One scope. `runs[0]` is run 1; what a run could not read carries over what was last read completely."""

    runs: list[Run] = field(default_factory=list)
    findings: dict[Move, State] = field(default_factory=dict)
    counts: dict[tuple[int, int], dict[str, object]] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)
    generated: int = 0
    pinned: int | None = None
    ever_pinned: bool = False
    pruned: set[int] = field(default_factory=set)

    @property
    def kept(self) -> list[int]:
        return [seq for seq in range(1, len(self.runs) + 1) if seq not in self.pruned]

    def record(self, seen: dict[Subject, Content], read: dict[str, str]) -> bool:
        """`read` tells how each type came: COMPLETE, FAILED, or not at all. False where nothing could be recorded."""
        last = self.runs[-1].world if self.runs else {}
        absent = {item_type for item_type, _ in last} - set(read)
        coverage = read | dict.fromkeys(absent, "ABSENT")
        if "COMPLETE" not in coverage.values():
            return False
        complete = {item_type for item_type, status in coverage.items() if status == "COMPLETE"}
        kept = {subject: content for subject, content in last.items() if subject[0] not in complete}
        new = {subject: content for subject, content in seen.items() if subject[0] in complete}
        self.runs.append(Run(kept | new, coverage))
        return True

    def acknowledge(self, move: Move) -> None:
        self.findings[move] = replace(self.findings[move], status="ACKNOWLEDGED", acknowledged=True)

    def reopen(self, move: Move) -> None:
        self.findings[move] = replace(self.findings[move], status="NEW", acknowledged=False)

    def pin(self, seq: int) -> None:
        """Measures from a run, and accepts what it holds; of a type that was not read by then, not even its absence."""
        self.pinned, self.ever_pinned = seq, True
        for move, state in self.findings.items():
            item_type, number, _, after = move
            held = self._world(seq).get((item_type, number))
            if state.status != "RESOLVED" and held == after and item_type in self._complete_before(seq):
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
        was = dict(self.findings)
        newest = current >= self.generated
        if newest:
            for move in self._judged(evaluated, moves, baseline, current):
                self.findings[move] = self._next(move, was, new.get(move[:2]), moves, old.get(move[:2]))
            self.generated = current
        for move in moves:
            if move not in was:
                seq = current if newest else max(current, self.judged.get(move[0], current))
                self.findings[move] = self._birth(move, was, self._world(seq).get(move[:2]))
        if newest:
            self.judged |= dict.fromkeys(evaluated, current)
        self.counts[baseline, current] = self._count(moves, was) | {"not_evaluated": reasons}

    def _judged(self, evaluated: set[str], moves: list[Move], baseline: int, current: int) -> list[Move]:
        """All findings of what was evaluated; once a pin came into it, of what moved since it was judged (ADR 7)."""
        judged = []
        for move in self.findings:
            subject = move[:2]
            since = self._world(self.judged.get(subject[0], baseline)).get(subject)
            moved = since != self._world(current).get(subject) or subject in {one[:2] for one in moves}
            if subject[0] in evaluated and (moved or not self.ever_pinned):
                judged.append(move)
        return judged

    def _next(
        self, move: Move, was: dict[Move, State], now: Content | None, moves: list[Move], accepted: Content | None
    ) -> State:
        item_type, number, before, after = move
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
        undone = was.get((item_type, number, after, before))
        if self.pinned is None and not state.acknowledged and undone is not None and undone.status == "NEW":
            return replace(state, resolution="REVERTED", is_current=True)
        status = "ACKNOWLEDGED" if state.acknowledged else "NEW"
        return State(status=status, occurrences=state.occurrences + 1, acknowledged=state.acknowledged)

    def _birth(self, move: Move, was: dict[Move, State], now: Content | None) -> State:
        item_type, number, before, after = move
        if now == before:
            return State("RESOLVED", "REVERTED", is_current=False)
        if now != after:
            return State(is_current=False)
        undone = was.get((item_type, number, after, before))
        if self.pinned is None and undone is not None and undone.status == "NEW":
            return State("RESOLVED", "REVERTED")
        return State()

    def _count(self, moves: list[Move], was: dict[Move, State]) -> dict[str, object]:
        kinds = Counter("added" if m[2] is None else "removed" if m[3] is None else "modified" for m in moves)
        steps = [(was[move].status, state.status) for move, state in self.findings.items() if move in was]
        return {
            **{kind: kinds[kind] for kind in ("added", "removed", "modified")},
            "findings_new": sum(self.findings[move].status == "NEW" for move in self.findings if move not in was),
            "findings_reopened": sum(a == "RESOLVED" != b for a, b in steps),
            "findings_resolved": sum(a != "RESOLVED" == b for a, b in steps),
            "findings_unchanged": sum(move in was and was[move].status == self.findings[move].status for move in moves),
        }


def _resolved(state: State, resolution: str) -> State:
    return state if state.status == "RESOLVED" else replace(state, status="RESOLVED", resolution=resolution)
