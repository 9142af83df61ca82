"""Findings judged run after run, as a state machine that hypothesis drives against the plain model of the design."""

from dataclasses import dataclass, field, replace
from uuid import NAMESPACE_OID, UUID, uuid5

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atlas.domain.evaluation import evaluate
from atlas.domain.moves import Draft
from atlas.domain.triage import Life, acknowledge, baselined, expired, reopen
from atlas.domain.verdicts import Existing, Judgement, judge, judge_data_quality
from atlas.domain.vocabulary import BaselineMode, ChangeType, FindingKind, FindingStatus, Severity
from tests.model import SHARED, TYPES, Content, Model, Move, Run, State, Subject, Thing

# An object by itself, two under one number, which are told apart by their names, and one of another type.
OBJECTS = [((TYPES[0], 1), "one"), ((TYPES[0], 2), "a"), ((TYPES[0], 2), "b"), ((TYPES[1], 1), "one")]
World = dict[Subject, Content]
Key = tuple[str, str]


def named(content: Content | None) -> str | None:
    return None if content is None else f"c1.p1.k:{content}"


def key_of(subject: Subject) -> Key:
    return subject[0], f"{subject[1]}~{subject[2]}"


def move_id(move: Move) -> UUID:
    return uuid5(NAMESPACE_OID, repr(move))


def drafted(move: Move) -> Draft:
    *_, before, after = move
    change = ChangeType.ADDED if before is None else ChangeType.REMOVED if after is None else ChangeType.MODIFIED
    shared = move[2] == SHARED
    item_type, external_id = key_of(move[:3])
    return Draft(
        id=move_id(move), kind=FindingKind.DATA_QUALITY if shared else FindingKind.DRIFT, fingerprint=repr(move),
        item_type=item_type, external_id=external_id, display_name="one", platform=None, item_id=move_id(move),
        change_type=None if shared else change, old_hash=named(before), new_hash=named(after), changes=(),
        severity=Severity.LOW, severity_reasons=(),
    )  # fmt: skip


def shown(life: Life) -> State:
    resolution = None if life.resolution is None else life.resolution.value
    return State(life.status.value, resolution, life.is_current, life.occurrences, life.acknowledged)


def complete_in(run: Run) -> set[str]:
    return {item_type for item_type, status in run.coverage.items() if status == "COMPLETE"}


@dataclass(slots=True)
class Findings:
    """What the rules of the domain make of the pairs that are generated, kept in dicts in the place of tables."""

    kept: dict[Move, Existing] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)
    generated: int = 0

    def generate(self, runs: list[Run], baseline: int, current: int, *, pinned: bool) -> None:
        run, worlds = runs[current - 1], [one.world for one in runs]
        before = {item_type for one in runs[:baseline] for item_type in complete_in(one)}
        evaluation = evaluate({name: (status, None) for name, status in run.coverage.items()}, before)
        moves = moved(worlds[baseline - 1], worlds[current - 1], evaluation.evaluated)
        newest = current >= self.generated
        causes: list[Move] = [(*thing, SHARED, None, None) for thing in sorted(run.shared)]
        quality = [one for one in self.kept.values() if one.kind is FindingKind.DATA_QUALITY]
        self._keep(
            [*moves, *causes],
            judge(
                [drafted(move) for move in moves],
                *self._looked_at(worlds, moves, evaluation.evaluated, baseline, current, newest=newest),
                mode=BaselineMode.PINNED if pinned else BaselineMode.PREVIOUS_RUN,
                newest=newest,
            ),
            judge_data_quality(
                [drafted(cause) for cause in causes],
                [one for one in quality if one.item_type in complete_in(run)],
                newest=newest,
                standing={key_of((*thing, SHARED)) for thing in shared_at(runs[: self.generated])},
            ),
        )
        if newest:
            self.judged |= dict.fromkeys(evaluation.evaluated, current)
            self.generated = current

    def _looked_at(
        self,
        worlds: list[World],
        moves: list[Move],
        evaluated: frozenset[str],
        baseline: int,
        current: int,
        *,
        newest: bool,
    ) -> tuple[list[Existing], dict[Key, str | None]]:
        """The findings of what moved in the pair, or since its type was judged; and what is held of these objects."""
        seqs = {name: self.judged.get(name, baseline if newest else current) for name in evaluated}
        subjects = {move[:3] for move in moves}
        if newest:
            for name, seq in seqs.items():
                subjects |= {move[:3] for move in moved(worlds[seq - 1], worlds[current - 1], frozenset({name}))}
        now = {
            one: worlds[(current if newest else max(current, seqs[one[0]])) - 1].get(one) for one in sorted(subjects)
        }
        existing = [one for move, one in self.kept.items() if move[:3] in now and move[2] != SHARED]
        return existing, {key_of(one): named(content) for one, content in now.items()}

    def _keep(self, told: list[Move], *judgements: Judgement) -> None:
        by_id = {move_id(move): move for move in (*self.kept, *told)}
        for judgement in judgements:
            for verdict in judgement.verdicts:
                move = by_id[verdict.finding_id]
                self.kept[move] = replace(self.kept[move], life=verdict.life, superseded_by=verdict.superseded_by)
            for born in judgement.births:
                one = born.draft
                self.kept[by_id[one.id]] = Existing(
                    one.id, one.kind, one.fingerprint, one.item_type, one.external_id, one.old_hash, one.new_hash,
                    born.life, born.superseded_by,
                )  # fmt: skip
        for move, found in self.kept.items():
            # A table holds which finding, and by that whether there is one.
            self.kept[move] = replace(found, life=replace(found.life, superseded=found.superseded_by is not None))

    def lives(self, move: Move, life: Life) -> None:
        self.kept[move] = replace(self.kept[move], life=life)


def moved(old: World, new: World, item_types: frozenset[str]) -> list[Move]:
    subjects = sorted(one for one in old.keys() | new.keys() if one[0] in item_types)
    return [(*one, old.get(one), new.get(one)) for one in subjects if old.get(one) != new.get(one)]


def shared_at(runs: list[Run]) -> set[Thing]:
    """What shared a number in the newest run that read its type to the end."""
    found = dict[str, set[Thing]]()
    for run in runs:
        found |= {name: {thing for thing in run.shared if thing[0] == name} for name in complete_in(run)}
    return {thing for things in found.values() for thing in things}


class LifeMachine(RuleBasedStateMachine):
    """Runs come, are generated now or later, are triaged, pinned and unpinned; findings live as the model says."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.findings = Model(), Findings()
        self.world = dict[tuple[Thing, str], int]()

    @rule(
        changes=st.dictionaries(st.sampled_from(OBJECTS), st.sampled_from((None, 1, 2, 3)), min_size=1),
        fates=st.tuples(*[st.sampled_from(("COMPLETE", "COMPLETE", "COMPLETE", "FAILED", "ABSENT")) for _ in TYPES]),
        at_once=st.booleans(),
    )
    def run(self, changes: dict[tuple[Thing, str], int | None], fates: tuple[str, ...], at_once: bool) -> None:
        for one, value in changes.items():
            self.world.pop(one, None)
            if value is not None:
                self.world[one] = value
        seen = [(thing, (name, value)) for (thing, name), value in self.world.items()]
        read = {item_type: fate for item_type, fate in zip(TYPES, fates, strict=True) if fate != "ABSENT"}
        self.model.record(seen, read, confirmed=True)
        if at_once:
            self.generate()

    @rule()
    def generate(self) -> None:
        before = set(self.model.counts)
        self.model.generate()
        for baseline, current in [pair for pair in self.model.counts if pair not in before]:
            self.findings.generate(self.model.runs, baseline, current, pinned=self.model.pinned is not None)

    def open(self, status: FindingStatus) -> list[Move]:
        return [move for move, one in self.findings.kept.items() if one.life.status is status]

    @precondition(lambda self: self.open(FindingStatus.NEW))
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        move = data.draw(st.sampled_from(self.open(FindingStatus.NEW)))
        self.model.acknowledge(move)
        self.findings.lives(move, acknowledge(self.findings.kept[move].life))

    @precondition(lambda self: self.open(FindingStatus.ACKNOWLEDGED))
    @rule(data=st.data(), by_time=st.booleans())
    def take_back(self, data: st.DataObject, by_time: bool) -> None:
        move = data.draw(st.sampled_from(self.open(FindingStatus.ACKNOWLEDGED)))
        self.model.reopen(move)
        self.findings.lives(move, (expired if by_time else reopen)(self.findings.kept[move].life))

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data())
    def pin(self, data: st.DataObject) -> None:
        seq = data.draw(st.integers(1, len(self.model.runs)))
        self.model.pin(seq)
        held = self.model.runs[seq - 1].world
        read = {item_type for run in self.model.runs[:seq] for item_type in complete_in(run)}
        for move, one in self.findings.kept.items():
            accepted = one.kind is FindingKind.DRIFT and move[0] in read and held.get(move[:3]) == move[4]
            if one.life.status is not FindingStatus.RESOLVED and accepted:
                self.findings.lives(move, baselined(one.life))

    @precondition(lambda self: self.model.pinned is not None)
    @rule()
    def unpin(self) -> None:
        self.model.pinned = None

    @invariant()
    def every_finding_lives_as_the_model_says(self) -> None:
        assert {move: shown(one.life) for move, one in self.findings.kept.items()} == self.model.findings

    @invariant()
    def what_superseded_a_finding_is_what_the_model_says(self) -> None:
        for move, one in self.findings.kept.items():
            may = {move_id(newer) for newer in self.model.newer.get(move, ())}
            assert (one.superseded_by in may) if may else one.superseded_by is None


LifeMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestLife = LifeMachine.TestCase
