"""What a generation comes to: which findings are born, and how the lives of those that exist go on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from uuid import UUID

from atlas.domain.evaluation import comparable
from atlas.domain.moves import Draft
from atlas.domain.triage import Life, Position, baselined, birth, cleared, next_life, position
from atlas.domain.vocabulary import BaselineMode, FindingKind, FindingStatus

Key = tuple[str, str]
Contents = Mapping[Key, str | None]


@dataclass(frozen=True, slots=True)
class Existing:
    """A finding that is stored already: the move H0 -> H1 it reports, and where its life stands."""

    id: UUID
    kind: FindingKind
    fingerprint: str
    item_type: str
    external_id: str
    old_hash: str | None
    new_hash: str | None
    life: Life
    superseded_by: UUID | None

    @property
    def key(self) -> Key:
        return (self.item_type, self.external_id)


@dataclass(frozen=True, slots=True)
class Birth:
    draft: Draft
    life: Life
    superseded_by: UUID | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A change in the life of a stored finding."""

    finding_id: UUID
    before: Life
    life: Life
    superseded_by: UUID | None

    @property
    def returned(self) -> bool:
        """Did the object come to hold the finding's content again, whatever became of the finding by that?"""
        return self.life.is_current and not self.before.is_current


@dataclass(frozen=True, slots=True)
class Judgement:
    births: tuple[Birth, ...]
    verdicts: tuple[Verdict, ...]
    known: frozenset[UUID]

    @property
    def findings_new(self) -> int:
        return sum(birth.life.status == FindingStatus.NEW for birth in self.births)

    @property
    def findings_reopened(self) -> int:
        return sum(
            verdict.before.status == FindingStatus.RESOLVED and verdict.life.status != FindingStatus.RESOLVED
            for verdict in self.verdicts
        )

    @property
    def findings_resolved(self) -> int:
        return sum(
            verdict.before.status != FindingStatus.RESOLVED and verdict.life.status == FindingStatus.RESOLVED
            for verdict in self.verdicts
        )

    @property
    def findings_unchanged(self) -> int:
        moved = {verdict.finding_id for verdict in self.verdicts if verdict.before.status != verdict.life.status}
        return len(self.known - moved)


def judge(
    drafts: Sequence[Draft], existing: Sequence[Existing], now: Contents, *, mode: BaselineMode, newest: bool
) -> Judgement:
    """Judges the DRIFT findings of the objects that moved.

    `now` maps (item type, external id) to the content that the newest generated run holds, None where it holds none;
    `existing` are all stored findings of those objects. Only where `newest` (the pair's current run is the newest
    generated one) do stored findings change; an older pair inserts its own in the state that the newest run implies.
    """
    stored: dict[Key, list[Existing]] = defaultdict(list)
    for finding in existing:
        stored[finding.key].append(finding)
    drafted = {(draft.item_type, draft.external_id): draft for draft in drafts}
    births: list[Birth] = []
    verdicts: list[Verdict] = []
    known: set[UUID] = set()
    for key in sorted(now):
        subject = _Object(drafted.get(key), stored[key], now[key], mode)
        verdicts += subject.verdicts() if newest else ()
        same = subject.stored_draft()
        if same is not None:
            known.add(same.id)
        elif subject.draft is not None:
            births.append(subject.birth(subject.draft))
    return Judgement(tuple(births), tuple(verdicts), frozenset(known))


@dataclass(frozen=True, slots=True)
class _Object:
    """One object: the move that this pair found of it, the findings stored of it, and the content it has now."""

    draft: Draft | None
    existing: Sequence[Existing]
    now: str | None
    mode: BaselineMode

    def stored_draft(self) -> Existing | None:
        return next((finding for finding in self.existing if self._is_drafted(finding)), None)

    def verdicts(self) -> list[Verdict]:
        changed = []
        for finding in self.existing:
            life = self._go_on(finding)
            superseded_by = self._newer(finding.old_hash, finding.new_hash) if life.superseded else None
            if not self._comparable(finding):
                superseded_by = finding.superseded_by
            if life != finding.life or superseded_by != finding.superseded_by:
                changed.append(Verdict(finding.id, finding.life, life, superseded_by))
        return changed

    def birth(self, draft: Draft) -> Birth:
        taken_back = self._counterpart(draft.old_hash, draft.new_hash)
        life = birth(position(draft.old_hash, draft.new_hash, self.now), self.mode, taken_back)
        return Birth(draft, life, self._newer(draft.old_hash, draft.new_hash) if life.superseded else None)

    def _is_drafted(self, finding: Existing) -> bool:
        """Is it the draft's own move? After a change of form the hashes tell: its fingerprint is of the old ones."""
        draft = self.draft
        return draft is not None and (
            finding.fingerprint == draft.fingerprint
            or (finding.old_hash, finding.new_hash) == (draft.old_hash, draft.new_hash)
        )

    def _comparable(self, finding: Existing) -> bool:
        # What a content was called before is known for those that came back (aliases), so H1 alone tells whether the
        # forms are of one world; an H0 that has no newer name has not come back.
        return comparable(finding.new_hash or finding.old_hash, self.now)

    def _go_on(self, finding: Existing) -> Life:
        if not self._comparable(finding):
            # Recorded under a form that nobody can compute any more: nothing is said, so nothing changes.
            return finding.life
        where = position(finding.old_hash, finding.new_hash, self.now)
        # What the baseline holds. An object that the pair does not report holds the same then and now.
        accepted = self.draft.old_hash if self.draft else self.now
        if self.mode is BaselineMode.PINNED and where is Position.STANDS and finding.new_hash == accepted:
            return replace(baselined(finding.life), is_current=True, superseded=False)
        return next_life(
            finding.life,
            where,
            self.mode,
            reported=self._is_drafted(finding),
            counterpart=self._counterpart(finding.old_hash, finding.new_hash),
        )

    def _counterpart(self, old_hash: str | None, new_hash: str | None) -> Life | None:
        """The life, as it was before this generation, of the finding that the move old -> new takes back."""
        lives = (one.life for one in self.existing if (one.old_hash, one.new_hash) == (new_hash, old_hash))
        return next(lives, None)

    def _newer(self, old_hash: str | None, new_hash: str | None) -> UUID | None:
        """What took a finding's place: the one of H0 -> X under a pin, else of H1 -> X, or of what H1 went on to."""
        start = old_hash if self.mode == BaselineMode.PINNED else new_hash
        moves = [(one.old_hash, one.new_hash, one.id) for one in self.existing]
        if self.draft is not None:
            moves.insert(0, (self.draft.old_hash, self.draft.new_hash, self.draft.id))
        onward = [(after, id_) for before, after, id_ in moves if before == start and after not in (old_hash, new_hash)]
        exact = [id_ for after, id_ in onward if after == self.now]
        return next(iter(exact or [id_ for _, id_ in onward]), None)


def judge_data_quality(
    drafts: Sequence[Draft], existing: Sequence[Existing], *, newest: bool, standing: AbstractSet[Key]
) -> Judgement:
    """Judges the DATA_QUALITY findings of the complete types: one whose cause is gone is CLEARED.

    `standing` names, for a pair that is not the newest, the objects of which the newest generated run has the cause.
    """
    stored = {finding.fingerprint: finding for finding in existing}
    caused = {draft.fingerprint for draft in drafts}
    verdicts = []
    for finding in existing if newest else ():
        stands = finding.fingerprint in caused
        life = next_life(finding.life, Position.STANDS, BaselineMode.PREVIOUS_RUN) if stands else cleared(finding.life)
        if life != finding.life:
            verdicts.append(Verdict(finding.id, finding.life, life, None))
    fresh = Life()
    births = [
        Birth(draft, fresh if newest or (draft.item_type, draft.external_id) in standing else cleared(fresh), None)
        for draft in drafts
        if draft.fingerprint not in stored
    ]
    known = frozenset(stored[one.fingerprint].id for one in drafts if one.fingerprint in stored)
    return Judgement(tuple(births), tuple(verdicts), known)
