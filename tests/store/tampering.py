"""What somebody with the owner's rights might do to the audit record, and what must be found."""

from dataclasses import dataclass

from atlas.domain.audit_chain import Fault

# Writes links from :seq to the head anew, each with its own hash, and moves the head: nothing inside tells.
REWRITE = """
do $$ declare l record; e atlas.audit_events; before bytea; digest bytea; begin
    select hash into before from atlas.audit_links where tenant_id = :tenant and seq = :seq - 1;
    for l in select * from atlas.audit_links where tenant_id = :tenant and seq >= :seq order by seq loop
        select * into e from atlas.audit_events where tenant_id = :tenant and id = l.event_id;
        digest := atlas.audit_hash(e, l.seq, before);
        update atlas.audit_links set previous = before, hash = digest where tenant_id = :tenant and seq = l.seq;
        before := digest;
    end loop;
    update atlas.audit_heads set hash = before where tenant_id = :tenant;
end $$"""

EVENT = "tenant_id = :tenant and id = (select event_id from atlas.audit_links where tenant_id = :tenant and seq = :seq)"
CHANGE = f"update atlas.audit_events set reason = 'nothing to see' where {EVENT}"
DELETE = """
with gone as (delete from atlas.audit_links where tenant_id = :tenant and seq {which} returning event_id)
select count(*) from gone where set_config('test.gone', (select string_agg(event_id::text, ',') from gone), true) <> '';
delete from atlas.audit_events where tenant_id = :tenant
    and id = any (string_to_array(current_setting('test.gone'), ',')::uuid[])"""
HEAD_BACK = """update atlas.audit_heads h set seq = l.seq, hash = l.hash from (
    select seq, hash from atlas.audit_links where tenant_id = :tenant order by seq desc limit 1) l
    where h.tenant_id = :tenant"""
ONE_REWRITTEN = """
update atlas.audit_links l set hash = atlas.audit_hash(e, l.seq, l.previous) from atlas.audit_events e
    where l.tenant_id = :tenant and l.seq = :seq and e.tenant_id = :tenant and e.id = l.event_id"""
SWAP_EVENTS = """
create temp table two on commit drop as
    select * from atlas.audit_links where tenant_id = :tenant and seq in (:seq, :seq + 1);
delete from atlas.audit_links where tenant_id = :tenant and seq in (:seq, :seq + 1);
insert into atlas.audit_links select a.tenant_id, a.seq, b.event_id, a.previous, a.hash from two a, two b
    where a.seq <> b.seq"""
SWAP_LINKS = """
update atlas.audit_links set seq = -1 where tenant_id = :tenant and seq = :seq;
update atlas.audit_links set seq = :seq where tenant_id = :tenant and seq = :seq + 1;
update atlas.audit_links set seq = :seq + 1 where tenant_id = :tenant and seq = -1"""
INSERTED = """insert into atlas.audit_events (tenant_id, action, target_type, target_id)
    values (:tenant, 'finding.acknowledged', 'Finding', :finding)"""


@dataclass(frozen=True, slots=True)
class Tampering:
    """`script` is run as atlas_owner with `:seq` in the middle of the chain and `:last` at its end.

    `at` is the link that must be named, from `:seq`, or from `:last` where `of_last`; None where it has no place.
    """

    name: str
    script: str
    fault: Fault
    at: int | None = 0
    of_last: bool = False


TAMPERINGS = (
    *(
        Tampering(f"{column} changed", f"update atlas.audit_events set {column} = {value} where {EVENT}", Fault.CHANGED)
        for column, value in {
            "at": "at + interval '1 microsecond'",
            "actor_id": ":stranger",
            "action": "action || ' '",
            "target_type": "'Finding'",
            "target_id": ":stranger",
            "before": """'{"role": "OWNER"}'""",
            "after": "null",
            "reason": "''",
            "request_id": "'r-2'",
        }.items()
    ),
    *(
        Tampering(
            f"{column} of the link changed",
            f"update atlas.audit_links set {column} = sha256('x') where tenant_id = :tenant and seq = :seq",
            Fault.CHANGED,
        )
        for column in ("previous", "hash")
    ),
    Tampering("event and link deleted", DELETE.format(which="= :seq"), Fault.MISSING),
    Tampering("link deleted", "delete from atlas.audit_links where tenant_id = :tenant and seq = :seq", Fault.MISSING),
    Tampering("beginning deleted", DELETE.format(which="< :seq"), Fault.MISSING, at=-4),
    Tampering("tail deleted", DELETE.format(which=">= :last - 2"), Fault.MISSING, at=-2, of_last=True),
    Tampering("all deleted but the head", DELETE.format(which="> 0"), Fault.MISSING, at=-4),
    Tampering("two events swapped", SWAP_EVENTS, Fault.REORDERED),
    Tampering("two links swapped", SWAP_LINKS, Fault.REORDERED),
    Tampering("one rewritten with its hash", f"{CHANGE};\n{ONE_REWRITTEN}", Fault.UNCHAINED, at=1),
    Tampering(
        "event kept and unlinked",
        f"delete from atlas.audit_links where tenant_id = :tenant and seq = :last;\n{HEAD_BACK}",
        Fault.UNLINKED,
        at=None,
    ),
    Tampering(
        "head forged",
        "update atlas.audit_heads set hash = sha256('x') where tenant_id = :tenant",
        Fault.HEAD,
        of_last=True,
    ),
    Tampering("head deleted", "delete from atlas.audit_heads where tenant_id = :tenant", Fault.HEAD, of_last=True),
    Tampering(
        "head set on",
        "update atlas.audit_heads set seq = seq + 3 where tenant_id = :tenant",
        Fault.MISSING,
        at=1,
        of_last=True,
    ),
    Tampering(
        "head set back",
        "update atlas.audit_heads set seq = seq - 3 where tenant_id = :tenant",
        Fault.HEAD,
        of_last=True,
    ),
    Tampering(
        "tail deleted, and written on", f"{DELETE.format(which='= :last')};\n{INSERTED}", Fault.MISSING, of_last=True
    ),
)
