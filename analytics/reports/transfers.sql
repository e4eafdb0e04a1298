-- title: Who hands calls on, and to whom?
-- summary: Pairs of legs joined by a transfer, with the share of the giving side's legs that they are and its 95 % interval.
-- question: 15
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param by (choice queue|agent, default queue): what gives and takes
with legs as (
    select
        call_id,
        leg_no,
        transferred_out,
        if($by = 'queue', queue_name, agent_name) as group_name
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
),
givers as (
    select
        group_name,
        count(*) as n_legs
    from legs
    where transferred_out is not null
    group by group_name
),
pairs as (
    select
        l.group_name as from_name,
        taker.group_name as to_name,
        count(*) as n_transfers
    from legs as l
    left join legs as taker on taker.call_id = l.call_id and taker.leg_no = l.leg_no + 1
    where l.transferred_out
    group by
        from_name,
        to_name
)
select
    p.from_name,
    p.to_name,
    p.n_transfers,
    g.n_legs as n_legs_from,
    100 * p.n_transfers / g.n_legs as transferred_pct,
    wilson_low_pct(p.n_transfers, g.n_legs) as transferred_pct_low,
    wilson_high_pct(p.n_transfers, g.n_legs) as transferred_pct_high
from pairs as p
join givers as g on g.group_name is not distinct from p.from_name
order by
    p.n_transfers desc,
    p.from_name,
    p.to_name
