-- check: an utterance of a measured call has as many words as it says
with words as (
    select
        utterance_id,
        count(*) as n
    from fact_word
    group by utterance_id
)
select
    u.utterance_id,
    u.word_count,
    coalesce(w.n, 0) as words
from v_utterance as u
left join words as w on w.utterance_id = u.utterance_id
where u.word_count <> coalesce(w.n, 0)
