-- What reports ask the index of search, which copies of the published views do not have. Created as temporary macros.

-- calls in which all words of a phrase were said, out of the index of search, for a join that then looks into their texts only. The
-- words stand in columns so that the look comes after the join: against a constant it would be taken at every text that there is.
create or replace temp macro calls_saying(phrase, first_key, last_key) as table
    select
        call_no,
        as_words(phrase) as words,
        search_words(phrase)[1] as first_word
    from posting
    where date_key between first_key and last_key
        and term in (select unnest(search_words(phrase)))
    group by call_no
    having count(*) = len(list_distinct(search_words(phrase)));
