-- title: Who listened to or exported this call?
-- summary: Who saw, played, downloaded or exported what, out of the audit log, newest first; of one call with its id.
-- question: 30
-- needs: audit
-- param call (text, default none): id of a call; without it everything that was done
-- param actor (text, default none): an account, or os:NAME for commands
-- param since (date, default today-30): first day, UTC
-- param until (date, default today): last day, UTC
select
    access_ts,
    actor,
    access_token_id,
    address,
    action,
    object,
    call_id
from v_access
where ($call is null or call_id = $call)
    and ($actor is null or actor = $actor)
    and access_ts >= $since
    and access_ts < $until::date + interval 1 day
order by
    access_seq desc
