"""Picks: which legs are to be evaluated, drawn by seed within strata, with what they were drawn from."""

import datetime
import hashlib
import zoneinfo
from typing import Any, Literal

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.quality.forms.errors import FormError
from cc_voice.quality.forms.stratified_samples import EligibleLeg, SamplePick, StratifiedSample, draw, next_in_order
from cc_voice.quality.forms.workflow import LEAST_TEXT, EvaluationPerson
from cc_voice.query.evaluations.form_folder import version_of
from cc_voice.store.database import Connection

SampleKey = Literal["queue", "language", "team"]
_COLUMNS: dict[str, str] = {
    "queue": "coalesce(q.queue_name, q.queue_id, '')",
    "language": "coalesce(split_part(c.primary_language, '-', 1), '')",
    "team": "coalesce(a.team_id, '')",
}


class SampleChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is drawn. Days are local dates of the site, inclusive."""

    form: str = "service-call"
    per_agent: int = 5
    since: datetime.date | None = None
    until: datetime.date | None = None
    min_ms: int = 180_000
    queue: str | None = None
    by: tuple[SampleKey, ...] = ()
    seed: str | None = None
    """None: the ISO week of today."""


class DrawnLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A leg to be evaluated."""

    sample_id: str
    stratum: str
    place: int
    leg_id: str
    call_id: str
    leg_no: int
    agent: str | None
    queue: str | None
    answered_ts: datetime.datetime | None
    interaction_ms: int | None
    weight: float
    state: str
    reason: str | None


class DrawnStratum(msgspec.Struct, frozen=True, kw_only=True):
    """A stratum and what was drawn of it."""

    stratum: str
    population: int
    picks: int
    weight: float


class DrawnSample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample that was recorded."""

    sample_id: str
    form_id: str
    form_version: int
    seed: str
    created_by: str
    created_ts: datetime.datetime
    population: int
    strata: tuple[DrawnStratum, ...]
    picks: tuple[DrawnLeg, ...]


_STRATA = msgspec.json.Decoder(tuple[DrawnStratum, ...])
_CHOICE = msgspec.json.Decoder(SampleChoice)


def eligible(con: Connection, choice: SampleChoice) -> list[EligibleLeg]:
    """Return the legs that may be drawn: fit to be judged, over, nobody's evaluation with this form yet."""
    columns = "".join(f", {_COLUMNS[key]}" for key in choice.by)
    rows = con.execute(
        f"""
        select l.leg_id, coalesce(a.user_id, '') {columns}
        from fact_leg as l
        join fact_call as c on c.call_id = l.call_id
        join dim_date as d on d.date_key = l.date_key
        left join dim_agent as a on a.agent_key = l.agent_key
        left join dim_queue as q on q.queue_key = l.queue_key
        where l.qa_eligible
            and l.interaction_ms >= $min_ms
            and a.user_id is not null
            and d.local_date >= coalesce($since::date, d.local_date)
            and d.local_date <= coalesce($until::date, d.local_date)
            and ($queue::text is null or q.queue_id = $queue or q.queue_name = $queue)
            and l.leg_id not in (
                select e.leg_id
                from fact_evaluation as e
                where e.evaluation_source = 'human' and e.form_id = $form and e.leg_id is not null
            )
        """,
        {"min_ms": choice.min_ms, "since": choice.since, "until": choice.until, "queue": choice.queue, "form": choice.form},
    ).fetchall()
    return [EligibleLeg(leg_id=leg_id, stratum=tuple(stratum)) for leg_id, *stratum in rows]


def sample(
    con: Connection,
    settings: Settings,
    choice: SampleChoice,
    person: EvaluationPerson,
    now_ms: int,
    legs: list[EligibleLeg] | None = None,
) -> DrawnSample:
    """Draw a sample and record it; the same again, from the same population, is the one there is. Raises FormError.

    `legs` are those that this person may see; None: all.
    """
    if choice.per_agent < 1:
        raise FormError("per_agent is 1 or more")
    form = version_of(con, choice.form)
    seed = choice.seed or _week(now_ms, settings.timezone)
    drawn = draw(eligible(con, choice) if legs is None else legs, seed, choice.per_agent)
    key = _sample_id(choice, form.version, seed, drawn)
    if not con.execute("select count(*) from qa_sample where sample_id = ?", [key]).fetchall()[0][0]:
        _record(con, key, choice, (form.version, seed, person.id, now_ms), drawn)
    return load(con, key)


def _week(now_ms: int, timezone: str) -> str:
    year, week, _ = datetime.datetime.fromtimestamp(now_ms / 1000, zoneinfo.ZoneInfo(timezone)).isocalendar()
    return f"{year}-W{week:02}"


def _sample_id(choice: SampleChoice, version: int, seed: str, drawn: StratifiedSample) -> str:
    plain = msgspec.json.encode([msgspec.structs.replace(choice, seed=seed), version, drawn], order="deterministic")
    return hashlib.sha256(plain).hexdigest()[:16]


def _record(con: Connection, key: str, choice: SampleChoice, made: tuple[int, str, str, int], drawn: StratifiedSample) -> None:
    version, seed, by, now_ms = made
    strata = [
        DrawnStratum(stratum=_named(each.stratum), population=each.population, picks=each.picks, weight=each.weight)
        for each in drawn.strata
    ]
    con.execute(
        "insert into qa_sample values (?, ?, ?, ?, make_timestamptz(?::bigint * 1000), ?, ?, ?, ?, ?)",
        [
            *(key, choice.form, version, by, now_ms, seed, msgspec.json.encode(choice).decode()),
            *(msgspec.json.encode(strata).decode(), drawn.population, len(drawn.picks)),
        ],
    )
    for pick in drawn.picks:
        _add(con, key, pick)


def _named(stratum: tuple[str, ...]) -> str:
    return " · ".join(stratum)


def _add(con: Connection, key: str, pick: SamplePick) -> None:
    con.execute(
        """
        insert into qa_pick (sample_id, stratum, place, leg_id, call_id, start_ms, end_ms, weight, state)
        select ?, ?, ?, l.leg_id, l.call_id, l.start_ms, l.end_ms, ?, 'picked'
        from fact_leg as l
        where l.leg_id = ?
        """,
        [key, _named(pick.stratum), pick.place, pick.weight, pick.leg_id],
    )


def load(con: Connection, key: str) -> DrawnSample:
    """Return a sample that was recorded. Raises FormError."""
    rows = con.execute(
        """
        select sample_id, form_id, form_version, seed, created_by, created_ts, n_population, strata
        from qa_sample
        where sample_id = ?
        """,
        [key],
    ).fetchall()
    if not rows:
        raise FormError(f"there is no sample {key!r}")
    *values, strata = rows[0]
    picks = con.execute(
        """
        select p.sample_id, p.stratum, p.place, p.leg_id, p.call_id, l.leg_no, a.display_name, coalesce(q.queue_name, q.queue_id),
            l.answered_ts, l.interaction_ms, p.weight, p.state, p.reason
        from qa_pick as p
        join fact_leg as l on l.leg_id = p.leg_id
        left join dim_agent as a on a.agent_key = l.agent_key
        left join dim_queue as q on q.queue_key = l.queue_key
        where p.sample_id = ?
        order by p.stratum, p.place
        """,
        [key],
    ).fetchall()
    names = ("sample_id", "form_id", "form_version", "seed", "created_by", "created_ts", "population")
    head: dict[str, Any] = dict(zip(names, values, strict=True))
    return DrawnSample(
        **head,
        strata=_STRATA.decode(strata),
        picks=tuple(DrawnLeg(**dict(zip(DrawnLeg.__struct_fields__, row, strict=True))) for row in picks),
    )


def reject(con: Connection, sample_id: str, leg_id: str, reason: str, person: EvaluationPerson, now_ms: int) -> DrawnSample:
    """Reject a pick, the wrong kind of call, and draw the next one of its stratum. Raises FormError."""
    if len(reason.strip()) < LEAST_TEXT:
        raise FormError(f"a pick is rejected with a reason of {LEAST_TEXT} characters at least")
    found = load(con, sample_id)
    pick = next((each for each in found.picks if each.leg_id == leg_id and each.state == "picked"), None)
    if pick is None:
        raise FormError(f"leg {leg_id!r} is no pick of sample {sample_id} that is still open")
    con.execute(
        """
        update qa_pick
        set state = 'rejected', reason = ?, decided_by = ?, decided_ts = make_timestamptz(?::bigint * 1000)
        where sample_id = ? and leg_id = ?
        """,
        [reason, person.id, now_ms, sample_id, leg_id],
    )
    ((filter_text,),) = con.execute("select filter from qa_sample where sample_id = ?", [sample_id]).fetchall()
    choice = _CHOICE.decode(filter_text)
    legs = eligible(con, choice)
    of_stratum = [leg for leg in legs if _named(leg.stratum) == pick.stratum]
    drawn = [each.leg_id for each in found.picks if each.stratum == pick.stratum]
    following = next_in_order(of_stratum, found.seed, of_stratum[0].stratum, drawn) if of_stratum else None
    if following is not None:
        stratum = of_stratum[0].stratum
        _add(con, sample_id, SamplePick(leg_id=following, stratum=stratum, place=len(drawn) + 1, weight=pick.weight))
    return load(con, sample_id)


def is_sampled(con: Connection, leg_id: str, form_id: str) -> bool:
    """Whether a leg was drawn for a form, and not rejected."""
    sql = """
        select count(*)
        from qa_pick as p
        join qa_sample as s on s.sample_id = p.sample_id
        where p.leg_id = ? and s.form_id = ? and p.state = 'picked'
    """
    return bool(con.execute(sql, [leg_id, form_id]).fetchall()[0][0])
