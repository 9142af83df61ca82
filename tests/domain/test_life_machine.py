"""Findings judged run after run, as a state machine that hypothesis drives against the plain model of the design."""

from dataclasses import dataclass, field, replace
from uuid import NAMESPACE_OID, UUID, uuid5

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atlas.domain.moves import Draft
from atlas.domain.triage import Life, acknowledge, baselined, expired, reopen
from atlas.domain.verdicts import Existing, judge
from atlas.domain.vocabulary import BaselineMode, ChangeType, FindingKind, FindingStatus, Severity
from tests.model import TYPES, Content, Model, Move, State, Subject

TYPE = TYPES[0]
NUMBERS = (1, 2, 3)
World = dict[Subject, Content]


def named(content: Content | None) -> str | None:
    return None if content is None else f"c1.p1.k:{content[1]}"


def move_id(move: Move) -> UUID:
    return uuid5(NAMESPACE_OID, repr(move))


def drafted(move: Move) -> Draft:
    item_type, number, before, after = move
    change = ChangeType.ADDED if before is None else ChangeType.REMOVED if after is None else ChangeType.MODIFIED
    return Draft(
        id=move_id(move), kind=FindingKind.DRIFT, fingerprint=repr(move), item_type=item_type, external_id=str(number),
        display_name="one", platform=None, item_id=move_id(move), change_type=change, old_hash=named(before),
        new_hash=named(after), changes=(), severity=Severity.LOW, severity_reasons=(),
    )  # fmt: skip


def shown(life: Life) -> State:
    resolution = None if life.resolution is None else life.resolution.value
    return State(life.status.value, resolution, life.is_current, life.occurrences, life.acknowledged)


@dataclass(slots=True)
class Findings:
    """What the rules of the domain make of the pairs that are generated, kept in a dict in the place of tables."""

    kept: dict[Move, Existing] = field(default_factory=dict)
    judged: int | None = None

    def generate(self, worlds: list[World], baseline: int, current: int, *, pinned: bool) -> None:
        old, new = worlds[baseline - 1], worlds[current - 1]
        moves = moved(old, new)
        newest = self.judged is None or current >= self.judged
        since = worlds[(self.judged or baseline) - 1]
        looked_at = {move[:2] for move in moves} | ({move[:2] for move in moved(since, new)} if newest else set())
        held = new if newest else worlds[(self.judged or current) - 1]
        judgement = judge(
            [drafted(move) for move in moves],
            [one for move, one in self.kept.items() if move[:2] in looked_at],
            {(item_type, str(number)): named(held.get((item_type, number))) for item_type, number in looked_at},
            mode=BaselineMode.PINNED if pinned else BaselineMode.PREVIOUS_RUN,
            newest=newest,
        )
        by_id = {one.id: move for move, one in self.kept.items()}
        for verdict in judgement.verdicts:
            move = by_id[verdict.finding_id]
            self.kept[move] = replace(self.kept[move], life=verdict.life, superseded_by=verdict.superseded_by)
        told = {move_id(move): move for move in moves}
        for born in judgement.births:
            one = born.draft
            self.kept[told[one.id]] = Existing(
                one.id, one.kind, one.fingerprint, one.item_type, one.external_id, one.old_hash, one.new_hash,
                born.life, born.superseded_by,
            )  # fmt: skip
        if newest:
            self.judged = current

    def lives(self, move: Move, life: Life) -> None:
        self.kept[move] = replace(self.kept[move], life=life)


def moved(old: World, new: World) -> list[Move]:
    return [
        (*one, old.get(one), new.get(one)) for one in sorted(old.keys() | new.keys()) if old.get(one) != new.get(one)
    ]


class LifeMachine(RuleBasedStateMachine):
    """Runs come, are generated now or later, are triaged, pinned and unpinned; findings live as the model says."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.findings, self.world = Model(), Findings(), World()

    @rule(changes=st.dictionaries(st.sampled_from(NUMBERS), st.sampled_from((None, 1, 2, 3)), min_size=1))
    def run(self, changes: dict[int, int | None]) -> None:
        for number, value in changes.items():
            self.world.pop((TYPE, number), None)
            if value is not None:
                self.world[TYPE, number] = ("one", value)
        self.model.record(dict(self.world), {TYPE: "COMPLETE"})

    @rule()
    def generate(self) -> None:
        before = set(self.model.counts)
        self.model.generate()
        worlds = [one.world for one in self.model.runs]
        for baseline, current in [pair for pair in self.model.counts if pair not in before]:
            self.findings.generate(worlds, baseline, current, pinned=self.model.pinned is not None)

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
        for move, one in self.findings.kept.items():
            if one.life.status is not FindingStatus.RESOLVED and held.get(move[:2]) == move[3]:
                self.findings.lives(move, baselined(one.life))

    @precondition(lambda self: self.model.pinned is not None)
    @rule()
    def unpin(self) -> None:
        self.model.pinned = None

    @invariant()
    def every_finding_lives_as_the_model_says(self) -> None:
        assert {move: shown(one.life) for move, one in self.findings.kept.items()} == self.model.findings


LifeMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestLife = LifeMachine.TestCase
