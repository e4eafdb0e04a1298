-- What reports ask of tables that are no published views: the index of search, all calls that there are. Copies of the views have none of
-- it. Created as temporary macros.

-- calls in which all words of a phrase were said, out of the index of search, for a join that then looks into their texts only. The
-- words stand in columns so that the look comes after the join: against a constant it would be taken at every text that there is.
create or replace temp macro calls_saying(phrase, first_key, last_key) as table
    select
        call_no,
        as_words(phrase) as words,
        search_words(phrase)[1] as first_word,
        bool_and(parties & 1 = 1) as agent_says_all
    from posting
    where date_key between first_key and last_key
        and term in (select unnest(search_words(phrase)))
    group by call_no
    having count(*) = len(list_distinct(search_words(phrase)));

-- legs whose agent says a phrase that begins in the first part of the leg. The agent's words run on over pauses, and over what the
-- customer says in between: recognisers end an utterance wherever somebody takes a breath. Whole utterances are looked at first, as
-- most sentences are in one.
create or replace temp macro legs_opening_with(phrase, first_key, last_key, within_ms) as table
    with candidates as (
        select
            l.leg_id,
            l.call_no,
            l.start_ms,
            least(l.end_ms, l.start_ms + within_ms) as until_ms,
            c.words,
            c.first_word
        from calls_saying(phrase, first_key, last_key) as c
        join fact_leg as l on l.call_no = c.call_no
        where c.agent_says_all
    ),
    at_once as (
        select distinct
            k.leg_id
        from candidates as k
        join fact_utterance as u
            on u.call_no = k.call_no
            and u.start_ms between k.start_ms and k.until_ms
            and says_words(u.text, k.words, k.first_word)
        where u.date_key between first_key and last_key
            and u.party = 'agent'
            and u.leg_id = k.leg_id
    ),
    others as (
        select
            k.*
        from candidates as k
        anti join at_once as a on a.leg_id = k.leg_id
    ),
    spoken as (
        select
            k.leg_id,
            k.words,
            u.start_ms,
            u.utterance_id,
            u.start_ms <= k.until_ms as is_opening,
            nullif(array_to_string(search_words(u.text), ' '), '') as said
        from others as k
        join fact_utterance as u on u.call_no = k.call_no and u.leg_id = k.leg_id and u.start_ms >= k.start_ms
        where u.date_key between first_key and last_key
            and u.party = 'agent'
    ),
    joined as (
        select
            leg_id,
            any_value(words) as words,
            string_agg(said, ' ' order by start_ms, utterance_id) filter (where is_opening) as opening,
            string_agg(said, ' ' order by start_ms, utterance_id) as whole
        from spoken
        group by leg_id
    )
    select
        leg_id
    from at_once
    union all
    select
        leg_id
    from joined
    where strpos(' ' || whole || ' ', words) between 1 and length(opening);

-- whether so many days after an end are over. Data tell, not the clock: of a store into which nothing came since, nobody knows whether
-- the customer called again.
create or replace temp macro is_over(end_ts, days) as
    end_ts + to_days(days) <= (select max(start_ts) from fact_call);
