-- title: Where was this said?
-- summary: Every utterance with a word or phrase, newest call first; by default the customer's in the last minute of the call.
-- question: 22
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param phrase (text, required): whole words in their order, in any case
-- param party (choice customer|agent|anybody, default customer): who said it
-- param part (choice start|end|whole, default end): where in the leg
-- param window_ms (integer, default 60000): how long the start or end of a leg is
-- param limit (integer, default 500): rows at most
with legs as (
    select
        leg_id,
        call_id,
        agent_name,
        queue_name,
        call_start_ts,
        if($part = 'end', end_ms - $window_ms, start_ms) as from_ms,
        if($part = 'start', start_ms + $window_ms, end_ms) as until_ms
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
)
select
    l.call_id,
    l.leg_id,
    l.agent_name,
    l.queue_name,
    u.said_ts,
    u.start_ms,
    u.end_ms,
    u.party,
    u.language_code,
    u.text
from legs as l
join v_utterance as u on u.leg_id = l.leg_id
where ($party = 'anybody' or u.party = $party)
    and u.end_ms > l.from_ms
    and u.start_ms < l.until_ms
    and says(u.text, $phrase)
    and u.date_key between as_date_key($since - 1) and as_date_key($until) -- that of the call, which may be the day before the leg's
order by
    l.call_start_ts desc,
    l.call_id,
    u.start_ms,
    u.utterance_id
limit $limit
