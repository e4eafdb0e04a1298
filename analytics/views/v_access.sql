-- grain: one row per entry of the audit log, within a minute of it
select
    g.seq as access_seq,
    g.at_ts as access_ts,
    g.actor,
    g.token_id::text as access_token_id,
    g.address,
    g.action,
    g.object,
    g.call_id,
    g.hash as entry_hash
from access_log as g
