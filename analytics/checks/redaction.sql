-- check: redaction has not failed in any call, and what is hidden in its words is hidden in all of them
select
    c.call_id,
    c.redaction,
    count(u.utterance_id) filter (where u.redaction_count is null) as n_not_looked_into
from fact_call as c
left join fact_utterance as u on u.call_no = c.call_no and u.date_key = c.date_key
where c.redaction is not null
group by
    c.call_id,
    c.redaction
having c.redaction = 'withheld' or n_not_looked_into > 0
