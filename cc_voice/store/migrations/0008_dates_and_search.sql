-- The local date of the call (of the leg, where the row belongs to one) on every large table. Rows arrive in the order of time, so a
-- condition on the date skips whole blocks; without it a report of a month reads all that was ever said. NULL while a call is live.
alter table fact_utterance add column date_key integer;
alter table fact_word add column date_key integer;
alter table fact_interval add column date_key integer;
alter table fact_null_reason add column date_key integer;
alter table fact_leg_language add column date_key integer;

-- A call's number, new with every writing: joins of millions of rows and the search index take a tenth of what they take by id.
create sequence call_no start 1;
alter table fact_call add column call_no bigint;
alter table fact_leg add column call_no bigint;
alter table fact_utterance add column call_no bigint;

update fact_call set call_no = nextval('call_no');
update fact_leg set call_no = c.call_no from fact_call as c where c.call_id = fact_leg.call_id;
update fact_utterance set call_no = c.call_no, date_key = c.date_key from fact_call as c where c.call_id = fact_utterance.call_id;
update fact_word set date_key = u.date_key from fact_utterance as u where u.utterance_id = fact_word.utterance_id;
update fact_interval set date_key = l.date_key from fact_leg as l where l.leg_id = fact_interval.leg_id;
update fact_null_reason set date_key = l.date_key from fact_leg as l where l.leg_id = fact_null_reason.leg_id;
update fact_leg_language set date_key = l.date_key from fact_leg as l where l.leg_id = fact_leg_language.leg_id;

-- The words of a text as search compares them, in order: lower case, without accents; apostrophes and hyphens part words. Scripts that
-- write no spaces become single characters, and a word of them is found as a phrase. Only scripts whose marks are accents lose them.
-- These two macros live in the file, unlike those of analytics/, because the rows of posting were made with them.
create macro search_fold(word) as
    if(
        regexp_matches(word, '^[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}]'),
        replace(translate(strip_accents(word), 'łøđħı', 'lodhi'), 'ß', 'ss'),
        word
    );

create macro search_words(said) as
    case
        when strlen(said) = length(said) then regexp_extract_all(lower(said), '[a-z0-9]+')
        else list_transform(
            regexp_extract_all(
                regexp_replace(
                    lower(nfc_normalize(said)),
                    '([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])',
                    ' \1 ',
                    'g'
                ),
                '[\p{L}\p{N}\p{M}]+'
            ),
            lambda word: search_fold(word)
        )
    end;

-- grain: term x measured call in which it was said. `parties`: 1 agent, 2 customer, 4 anybody else, added up.
create table posting (
    term text,
    call_no bigint,
    date_key integer,
    parties utinyint
);

insert into posting
select
    term,
    call_no,
    date_key,
    bit_or(party)
from (
    select
        unnest(search_words(u.text)) as term,
        c.call_no,
        c.date_key,
        (case u.party when 'agent' then 1 when 'customer' then 2 else 4 end)::utinyint as party
    from fact_utterance as u
    join fact_call as c on c.call_no = u.call_no
)
group by
    term,
    call_no,
    date_key
order by
    date_key // 100,
    term,
    call_no;
