-- title: Which words is our recogniser unsure of?
-- summary: How often each word was recognised below the limit of confidence, as a share with its 95 % interval; local words only.
-- question: 18
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param language (text, default none): only words of the language with this tag
-- param below (number, default 0.6): confidence below which a word counts as unsure
-- param min_said (integer, default 5): words said less often are left out
-- param limit (integer, default 100): rows at most
with words as (
    select
        lower(word) as word,
        language_code,
        count(*) as n_said,
        count(*) filter (where conf < $below) as n_unsure,
        avg(conf) as conf_mean
    from fact_word -- all of measured calls, so that no other table need be read
    where date_key between as_date_key($since) and as_date_key($until)
        and ($language is null or language_code = $language)
        and conf is not null
    group by
        lower(word),
        language_code
)
select
    word,
    language_code,
    n_said,
    n_unsure,
    100 * n_unsure / n_said as unsure_pct,
    wilson_low_pct(n_unsure, n_said) as unsure_pct_low,
    wilson_high_pct(n_unsure, n_said) as unsure_pct_high,
    conf_mean
from words
where n_said >= $min_said
    and n_unsure > 0
order by
    unsure_pct_low desc,
    n_said desc,
    word,
    language_code
limit $limit
