-- check: an utterance of a measured call has as many words as it says, of which a chip stands for several, where its words are kept
with words as (
    select
        utterance_id,
        date_key,
        count(*) as n
    from fact_word
    group by
        utterance_id,
        date_key
    union all
    select
        utterance_id,
        date_key,
        count(*) as n
    from fact_unused_word
    group by
        utterance_id,
        date_key
),
said as (
    select
        utterance_id,
        call_id,
        date_key,
        word_count,
        redaction_count
    from v_utterance
    union all
    select
        utterance_id,
        call_id,
        date_key,
        word_count,
        redaction_count
    from v_unused_utterance
),
kept as (
    select distinct
        s.call_id
    from words as w
    join said as s on s.utterance_id = w.utterance_id and s.date_key = w.date_key
)
select
    s.utterance_id,
    s.word_count,
    coalesce(w.n, 0) as words
from said as s
semi join kept as k on k.call_id = s.call_id
left join words as w on w.utterance_id = s.utterance_id
where if(coalesce(s.redaction_count, 0) = 0, s.word_count <> coalesce(w.n, 0), s.word_count < coalesce(w.n, 0))
