-- What views and reports share: one definition each. Created as temporary macros before the views.

-- yyyymmdd of a date: the key of dim_date, by which every fact is filtered first
create or replace temp macro as_date_key(day) as
    year(day) * 10000 + month(day) * 100 + day(day);

-- the two sums of a ratio of sums: both of the rows in which both were measured
create or replace temp macro part_of_ros(part, whole) as
    sum(part) filter (where whole is not null);

create or replace temp macro whole_of_ros(part, whole) as
    sum(whole) filter (where part is not null);

-- a name or an id as it is, a phone number with all but its last two digits masked: lines without a name show their number
create or replace temp macro masked(said) as
    if(
        regexp_matches(said, '^\s*(\+[0-9 ().\-/]{5,}|\(?0[0-9 ().\-/]{6,})$|^(sip|tel):'),
        '*****' || right(regexp_replace(said, '[^0-9]', '', 'g'), 2),
        said
    );

-- ratio of sums over the rows in which both were measured; NULL when there are none
create or replace temp macro ros(part, whole) as
    part_of_ros(part, whole) / nullif(whole_of_ros(part, whole), 0);

-- the different values of a group as text, in order: `1, 2`
create or replace temp macro list_of(value) as
    array_to_string(list(distinct value::text order by value::text), ', ');

-- 0–100 on the scale of Amazon Connect, uncalibrated: lines differ in gain
create or replace temp macro loudness_score(dbfs) as
    greatest(0, least(100, dbfs + 100));

-- 95 % Wilson interval of a share, in percent: right also for few rows and for shares near 0 and 100
create or replace temp macro wilson_low_pct(hits, n) as
    round(100 * (hits / n + 1.9208 / n - 1.96 * sqrt(hits / n * (1 - hits / n) / n + 0.9604 / (n * n))) / (1 + 3.8416 / n), 3);

create or replace temp macro wilson_high_pct(hits, n) as
    round(100 * (hits / n + 1.9208 / n + 1.96 * sqrt(hits / n * (1 - hits / n) / n + 0.9604 / (n * n))) / (1 + 3.8416 / n), 3);

-- variance of the ratio of sums a/b of n rows out of Σa, Σb, Σa², Σab, Σb² (linearised); NULL below two rows
create or replace temp macro ratio_variance(n, a, b, aa, ab, bb) as
    case
        when n > 1 and b > 0 then greatest(0, aa - 2 * a / b * ab + (a / b) * (a / b) * bb) * n / (n - 1) / (b * b)
    end;

-- half of the 95 % interval of a ratio of sums (`ros`), over the rows in which both were measured; NULL below two
create or replace temp macro ros_margin(part, whole) as
    1.96 * sqrt(
        ratio_variance(
            count(part + whole),
            sum(part) filter (where whole is not null),
            sum(whole) filter (where part is not null),
            sum(part * part) filter (where whole is not null),
            sum(part * whole),
            sum(whole * whole) filter (where part is not null)
        )
    );

-- text as the words that search compares (`search_words`, of the store) with one space around each, so that contains() finds whole words
-- and phrases
create or replace temp macro as_words(said) as
    ' ' || array_to_string(search_words(said), ' ') || ' ';

-- whether words (as `as_words` gives them) were said in this order; in a text of plain letters the first of them is looked for before
-- the text is taken apart, which is most of the cost
create or replace temp macro says_words(said, words, first_word) as
    case when strlen(said) <> length(said) or contains(lower(said), first_word) then contains(as_words(said), words) else false end;

-- whether a word or phrase was said, as search finds it: whole words in their order, in any case, accents aside
create or replace temp macro says(said, phrase) as
    says_words(said, as_words(phrase), coalesce(search_words(phrase)[1], '')) and search_words(phrase) <> [];

-- whether echo, noise or clipping on a leg's line leaves in doubt who spoke when; reports about that leave such legs out
create or replace temp macro is_doubtful(qa_obstacle) as
    qa_obstacle is not null and qa_obstacle in (
        -- for each doubt: '{doubt}',
        'nothing else'
    );

-- a number that depends on who spoke when: of such a leg none, so that sums, means and ratios go by without it
create or replace temp macro unless_doubtful(value, qa_obstacle) as
    case when not is_doubtful(qa_obstacle) then value end;

-- of how many legs such numbers are left out
create or replace temp macro n_doubtful(qa_obstacle) as
    count(*) filter (where is_doubtful(qa_obstacle));
