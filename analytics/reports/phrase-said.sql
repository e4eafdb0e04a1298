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
with said as (
    select
        u.utterance_id,
        u.leg_id,
        u.start_ms,
        u.end_ms,
        u.party,
        u.language_code,
        u.text
    from calls_saying($phrase, as_date_key($since - 1), as_date_key($until)) as c
    join fact_utterance as u
        on u.call_no = c.call_no
        and says_words(u.text, c.words, c.first_word)
    where u.date_key between as_date_key($since - 1) and as_date_key($until) -- of the call: it may be the day before the leg's
        and ($party = 'anybody' or u.party = $party)
)
select
    l.call_id,
    l.leg_id,
    l.agent_name,
    l.queue_name,
    l.call_start_ts + to_milliseconds(u.start_ms) as said_ts,
    u.start_ms,
    u.end_ms,
    u.party,
    u.language_code,
    u.text
from said as u
join v_leg as l on l.leg_id = u.leg_id
where l.date_key between as_date_key($since) and as_date_key($until)
    and ($queue is null or l.queue_name = $queue)
    and u.end_ms > if($part = 'end', l.end_ms - $window_ms, l.start_ms)
    and u.start_ms < if($part = 'start', l.start_ms + $window_ms, l.end_ms)
order by
    l.call_start_ts desc,
    l.call_id,
    u.start_ms,
    u.utterance_id
limit $limit
