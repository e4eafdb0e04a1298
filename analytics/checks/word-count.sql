-- check: an utterance of a measured call has as many words as it says, where the call's words are kept at all
with words as (
    select
        utterance_id,
        date_key,
        count(*) as n
    from fact_word
    group by
        utterance_id,
        date_key
),
kept as (
    select distinct
        u.call_id
    from words as w
    join v_utterance as u on u.utterance_id = w.utterance_id and u.date_key = w.date_key
)
select
    u.utterance_id,
    u.word_count,
    coalesce(w.n, 0) as words
from v_utterance as u
semi join kept as k on k.call_id = u.call_id
left join words as w on w.utterance_id = u.utterance_id
where u.word_count <> coalesce(w.n, 0)
