-- One month of a generated site: calls, legs and who spoke when, then everything that follows from it. Variables: first, last
-- (local dates), seed, calls, tz, site_id, slots (utterances per leg on average), words_of (one call in so many keeps its words).

create or replace temp table month_calls as
with numbered as (
    select
        unnest(range(first_no, next_no)) as no,
        hour_ts,
        first_no,
        next_no
    from hours
    where hour_ts::date between getvariable('first') and getvariable('last')
),
placed as (
    select
        no,
        translate(left(md5('bench' || no || ':' || getvariable('seed')), 26), '0189', 'wxyz') as call_id,
        timezone(getvariable('tz'), hour_ts + to_milliseconds((3600000 * (no - first_no + rnd('at', no)) / (next_no - first_no))::bigint))
            as start_ts,
        pick('team', no, 8) as queue_no,
        (1 + (rnd('transferred', no) < 0.08)::integer)::integer as leg_count
    from numbered
)
select
    p.no,
    p.call_id,
    p.start_ts,
    p.queue_no,
    p.leg_count,
    as_key(timezone(getvariable('tz'), p.start_ts)) as date_key,
    case when rnd('language', p.no) < 0.06 then ['en', 'es', 'de'][1 + pick('other', p.no, 3)] else q.language_code end as language_code,
    rnd('mixed', p.no) < 0.03 as is_mixed,
    p.no % getvariable('words_of') = 0 as has_words
from placed as p
join queues as q on q.queue_no = p.queue_no;

create or replace temp table month_legs as
select
    c.no * 2 + leg.no - 1 as leg_key,
    c.call_id || '-' || leg.no as leg_id,
    c.call_id,
    leg.no::integer as leg_no,
    c.leg_count,
    c.no as call_number,
    c.language_code,
    c.is_mixed,
    c.has_words,
    c.start_ts,
    a.agent_key,
    a.queue_key,
    -- log-normal lengths: many short legs, few long ones
    least(200, greatest(3, round(0.78 * getvariable('slots')
        * exp(0.7 * sqrt(-2 * ln(0.000001 + rnd('u', leg_key))) * cos(6.2832 * rnd('v', leg_key))))))::integer as slots,
    if(rnd('held', leg_key) < 0.12, 3 + pick('held at', leg_key, 12), null) as held_at,
    0.75 + 0.5 * rnd('agent', a.agent_key) as habit
from (
    select
        m.*,
        unnest(range(1, leg_count + 1)) as no_of_leg
    from month_calls as m
) as c
cross join lateral (select c.no_of_leg as no, c.no * 2 + c.no_of_leg - 1 as leg_key) as leg
join agents as a
    on a.queue_no = if(leg.no = 1, c.queue_no, (c.queue_no + 1) % 5)
    and a.place = pick('agent', leg.leg_key, 15);

-- Who speaks when: hold, then a silence, then a party, then both
create or replace temp table month_slots as
with drawn as (
    select
        l.leg_key,
        l.leg_id,
        l.call_id,
        l.leg_no,
        l.has_words,
        l.call_number,
        k,
        k = l.slots - 1 as is_last,
        rnd('party' || k, l.leg_key) as luck,
        rnd('gap' || k, l.leg_key) as gap_luck,
        rnd('pace' || k, l.leg_key) as pace,
        pick('piece' || k, l.leg_key, 8000000000) as n,
        hash('pieces' || k, l.leg_key, getvariable('seed')) as pieces,
        coalesce(k = least(l.held_at, l.slots - 1), false) as is_held,
        l.habit,
        l.language_code as call_language,
        l.is_mixed
    from (select *, unnest(range(slots)) as k from month_legs) as l
),
spoken as (
    select
        d.*,
        if(k = 0 or luck < 0.52 * habit, 'agent', 'customer') as party,
        if(is_mixed and k % 5 = 3 and luck >= 0.52 * habit, if(call_language = 'en', 'es', 'en'), call_language) as language_code
    from drawn as d
),
said as (
    select
        s.*,
        if(
            s.k = 0 and s.leg_no = 1 and s.language_code = 'en' and s.n % 7 > 0,
            'hello this call is recorded ' || a.text,
            a.text || if(s.n % 3 > 0, ' ' || b.text, '') || if(s.n % 4 = 0, ' ' || c.text, '')
        ) as text,
        if(
            s.k = 0 and s.leg_no = 1 and s.language_code = 'en' and s.n % 7 > 0,
            5 + a.word_count,
            a.word_count + if(s.n % 3 > 0, b.word_count, 0) + if(s.n % 4 = 0, c.word_count, 0)
        ) as word_count
    from spoken as s
    join pieces as a on a.language_code = s.language_code and a.piece = (s.pieces % 20000)::integer
    join pieces as b on b.language_code = s.language_code and b.piece = (s.pieces // 20000 % 20000)::integer
    join pieces as c on c.language_code = s.language_code and c.piece = (s.pieces // 400000000 % 20000)::integer
),
timed as (
    select
        *,
        if(is_held, 8000 + (n % 90000), 0) as hold_ms,
        case
            when k > 0 and gap_luck < 0.004 then 10000 + n % 25000
            when k > 0 and gap_luck < 0.035 then 3000 + n % 7000
            else 80 + n % 900
        end::bigint as gap_ms,
        (word_count * (300 + 160 * pace) / habit)::bigint as alone_ms,
        if(not is_last and n % 9 = 0, 300 + n % 1200, 0)::bigint as both_ms
    from said
)
select
    leg_key,
    leg_id,
    call_id,
    leg_no,
    has_words,
    k,
    is_last,
    party,
    language_code,
    text,
    word_count,
    pace,
    n,
    hold_ms,
    gap_ms,
    alone_ms,
    both_ms,
    (sum(hold_ms + gap_ms + alone_ms + both_ms) over (partition by call_number order by leg_no, k))::bigint as end_ms,
    0.55 + 0.44 * rnd('conf' || k, leg_key) as conf
from timed;

create or replace temp table month_spans as
select
    leg_key,
    call_id,
    leg_id,
    min(end_ms - both_ms - alone_ms - gap_ms - hold_ms) as start_ms,
    max(end_ms) as end_ms,
    sum(hold_ms)::bigint as hold_ms,
    count(*) filter (where hold_ms > 0)::integer as hold_count,
    sum(gap_ms)::bigint as silence_ms,
    sum(alone_ms) filter (where party = 'agent')::bigint as agent_only_ms,
    coalesce(sum(alone_ms) filter (where party = 'customer'), 0)::bigint as customer_only_ms,
    sum(both_ms)::bigint as overtalk_ms,
    count(*) filter (where both_ms > 0)::integer as overtalk_count,
    count(*) filter (where gap_ms >= 3000)::integer as long_silence_count,
    coalesce(sum(gap_ms) filter (where gap_ms >= 3000), 0)::bigint as long_silence_ms,
    max(gap_ms)::bigint as longest_silence_ms,
    count(*) filter (where gap_ms >= 10000)::integer as dead_air_count,
    coalesce(sum(gap_ms) filter (where gap_ms >= 10000), 0)::bigint as dead_air_ms,
    coalesce(sum(gap_ms) filter (where gap_ms >= 10000 and party = 'agent'), 0)::bigint as dead_air_agent_owed_ms,
    count(*) filter (where both_ms > 0 and n % 27 = 0 and party = 'customer')::integer as interruptions_agent,
    count(*) filter (where both_ms > 0 and n % 27 = 0 and party = 'agent')::integer as interruptions_customer,
    coalesce(sum(both_ms) filter (where n % 27 = 0 and party = 'customer'), 0)::bigint as interruption_ms_agent,
    coalesce(sum(both_ms) filter (where n % 27 = 0 and party = 'agent'), 0)::bigint as interruption_ms_customer,
    sum(word_count) filter (where party = 'agent')::integer as word_count_agent,
    coalesce(sum(word_count) filter (where party = 'customer'), 0)::integer as word_count_customer,
    sum(gap_ms) filter (where k = 0)::integer as greeting_latency_ms,
    avg(conf) as asr_conf_mean,
    avg(100.0 * (conf < 0.6)::integer) as low_conf_word_pct
from month_slots
group by
    leg_key,
    call_id,
    leg_id;

create or replace temp table month_turns as
with marked as (
    select
        *,
        party is distinct from lag(party) over leg or gap_ms >= 3000 or hold_ms > 0 as begins
    from month_slots
    window leg as (partition by leg_key order by k)
),
numbered as (
    select
        *,
        sum(begins::integer) over (partition by leg_key order by k) as turn
    from marked
)
select
    leg_key,
    leg_id,
    any_value(call_id) as call_id,
    any_value(party) as party,
    min(end_ms - both_ms - alone_ms) as start_ms,
    max(end_ms) as end_ms
from numbered
group by
    leg_key,
    leg_id,
    turn;

create or replace temp table month_done as
select
    l.leg_key,
    any_value(columns(l.* exclude (leg_key))),
    any_value(columns(s.* exclude (leg_key, leg_id, call_id, start_ms, end_ms))),
    any_value(s.start_ms) as start_ms,
    any_value(s.end_ms) as end_ms,
    max(t.end_ms - t.start_ms) filter (where t.party = 'agent') as monologue_agent,
    coalesce(max(t.end_ms - t.start_ms) filter (where t.party = 'customer'), 0) as monologue_customer,
    count(*) filter (where t.party = 'agent' and t.end_ms - t.start_ms >= 90000)::integer as monologues,
    count(*)::integer - 1 as switches
from month_legs as l
join month_spans as s on s.leg_key = l.leg_key
join month_turns as t on t.leg_key = l.leg_key
group by l.leg_key;

insert into fact_call (
    call_id, product, instance_id, site_id, date_key, direction, customer_key, start_ts, end_ts, leg_count, transfer_count,
    conference_count, ended_by, primary_language, stop_reason, revision, last_update_ts, call_no
)
select
    c.call_id,
    'contact_center',
    'bench-' || c.no,
    getvariable('site_id'),
    c.date_key,
    'inbound',
    md5('customer' || pick('customer', c.no, greatest(1, getvariable('calls') // 3)::bigint)),
    c.start_ts,
    c.start_ts + to_milliseconds(s.end_ms),
    c.leg_count,
    c.leg_count - 1,
    0,
    if(rnd('ended', c.no) < 0.6, 'customer', 'agent'),
    c.language_code,
    1,
    1,
    getvariable('made_at'),
    nextval('call_no')
from (from month_calls order by no) as c
join (select call_id, max(end_ms) as end_ms from month_spans group by call_id) as s on s.call_id = c.call_id
order by c.no;

create or replace temp table month_numbers as
select
    call_id,
    call_no,
    date_key
from fact_call
where date_key between as_key(getvariable('first')) and as_key(getvariable('last'));

insert into fact_leg (
    leg_id, call_id, agent_key, queue_key, date_key, origin_method, answered_ts, ended_ts, interaction_ms, conversation_ms, analysed_ms,
    hold_ms, hold_count, longest_hold_ms, acw_ms, handle_ms, monitored_ms, takeover, transferred_out, talk_ms_agent, talk_ms_customer,
    talk_ms_any, agent_only_ms, customer_only_ms, overtalk_ms, overtalk_count, agent_talk_pct, talk_ratio_agent, silence_ms,
    long_silence_count, long_silence_ms, longest_silence_ms, dead_air_count, dead_air_ms, dead_air_agent_owed_ms, non_talk_ms,
    interruptions_agent, interruptions_customer, interruption_ms_agent, interruption_ms_customer, wpm_agent, wpm_customer,
    talk_speed_unit, response_latency_ms_agent_p50, response_latency_ms_agent_p90, response_latency_ms_customer_p50,
    response_latency_ms_customer_p90, greeting_latency_ms, longest_monologue_ms_agent, longest_monologue_ms_customer,
    turn_switch_count, turn_switch_per_min, asr_conf_mean, low_conf_word_pct, one_way_audio, mixed_audio, multi_party, media_gap_ms,
    qa_eligible, leg_no, start_ms, end_ms, hold_pct, overtalk_pct, agent_talk_pct_t1, agent_talk_pct_t2, agent_talk_pct_t3,
    customer_talk_pct, silence_pct, agent_overlap_turn_pct, backchannel_method, wpm_agent_delta, monologue_count_agent,
    word_count_agent, word_count_customer, level_dbfs_agent, level_dbfs_customer, loudness_p95_agent, loudness_p95_customer,
    quiet_pct_agent, quiet_pct_customer, clipping_pct_agent, clipping_pct_customer, snr_db_agent, snr_db_customer,
    raised_voice_count_agent, raised_voice_count_customer, raised_voice_ms_agent, raised_voice_ms_customer, echo_suspect,
    media_lost_ms, detector, asr_model, metric_version, threshold_set_id, computed_at, call_no
)
with measured as (
    select
        *,
        end_ms - start_ms as interaction_ms,
        end_ms - start_ms - hold_ms as analysed_ms,
        agent_only_ms + overtalk_ms as agent_ms,
        customer_only_ms + overtalk_ms as customer_ms,
        rnd('latency', leg_key) as r
    from month_done
)
select
    leg_id,
    m.call_id,
    agent_key,
    queue_key,
    as_key(timezone(getvariable('tz'), start_ts + to_milliseconds(start_ms))),
    if(leg_no = 1, 'queue', 'transfer_to_agent'),
    start_ts + to_milliseconds(start_ms),
    start_ts + to_milliseconds(end_ms),
    interaction_ms,
    interaction_ms,
    analysed_ms,
    hold_ms,
    hold_count,
    hold_ms,
    5000 + pick('wrap-up', leg_key, 80000),
    interaction_ms + 5000 + pick('wrap-up', leg_key, 80000),
    0,
    false,
    leg_no < leg_count,
    agent_ms,
    customer_ms,
    agent_only_ms + customer_only_ms + overtalk_ms,
    agent_only_ms,
    customer_only_ms,
    overtalk_ms,
    overtalk_count,
    100 * agent_ms / analysed_ms,
    agent_ms / (agent_ms + customer_ms),
    silence_ms,
    long_silence_count,
    long_silence_ms,
    longest_silence_ms,
    dead_air_count,
    dead_air_ms,
    dead_air_agent_owed_ms,
    hold_ms + long_silence_ms,
    interruptions_agent,
    interruptions_customer,
    interruption_ms_agent,
    interruption_ms_customer,
    60000 * word_count_agent / agent_ms,
    if(customer_ms > 0, 60000 * word_count_customer / customer_ms, null),
    'wpm',
    (200 + 500 * r)::integer,
    (700 + 900 * r)::integer,
    (100 + 500 * r)::integer,
    (600 + 900 * r)::integer,
    greeting_latency_ms + if(r < 0.04, 10000, 0),
    monologue_agent,
    monologue_customer,
    switches,
    60000 * switches / analysed_ms,
    asr_conf_mean,
    low_conf_word_pct,
    r < 0.004,
    false,
    false,
    if(r > 0.99, 2000, 0),
    analysed_ms > 20000,
    leg_no,
    start_ms,
    end_ms,
    100 * hold_ms / interaction_ms,
    100 * overtalk_ms / analysed_ms,
    100 * agent_ms / analysed_ms,
    100 * agent_ms / analysed_ms,
    100 * agent_ms / analysed_ms,
    100 * customer_ms / analysed_ms,
    100 * silence_ms / analysed_ms,
    10 * r,
    'words',
    20 * r - 10,
    monologues,
    word_count_agent,
    word_count_customer,
    -30 + 12 * r,
    -36 + 12 * r,
    76 + 12 * r,
    70 + 12 * r,
    if(r < 0.03, 2000 * r, 2 * r),
    if(r < 0.05, 1000 * r, 4 * r),
    if(r > 0.97, 2.5, 0),
    0,
    10 + 40 * r,
    15 + 30 * r,
    0,
    0,
    0,
    0,
    r > 0.985,
    0,
    'bench',
    language_code || '-bench',
    '1',
    getvariable('threshold_set_id'),
    getvariable('made_at'),
    n.call_no
from measured as m
join month_numbers as n on n.call_id = m.call_id
order by leg_key;

insert into fact_channel (call_id, channel_id, party, user_id, display_name, received_ms, first_packet_ms)
select
    l.call_id,
    'a' || l.leg_no,
    'agent',
    a.user_id,
    a.display_name,
    d.end_ms - d.start_ms,
    d.start_ms
from (from month_legs order by leg_key) as l
join month_done as d on d.leg_key = l.leg_key
join dim_agent as a on a.agent_key = l.agent_key
union all
select
    call_id,
    'c',
    'customer',
    null,
    null,
    max(end_ms),
    0
from month_spans
group by call_id;

insert into fact_event (event_id, call_id, leg_id, source, event_type, event_name, at_ms, at_ts, payload)
select
    nextval('event_id'),
    call_id,
    leg_id,
    'rtms',
    event_type,
    event_name,
    at_ms,
    start_ts + to_milliseconds(at_ms),
    '{}'
from (
    select leg_key, call_id, leg_id, start_ts, 10 as event_type, 'user_answered' as event_name, start_ms as at_ms from month_done
    union all
    select leg_key, call_id, leg_id, start_ts, 11, 'user_end', end_ms from month_done
)
order by
    leg_key,
    at_ms;

insert into fact_utterance (
    utterance_id, call_id, leg_id, channel_id, seq, party, source, start_ms, end_ms, language_code, text, word_count, asr_conf,
    is_backchannel, on_hold, asr_model, date_key, call_no
)
select
    s.call_id || ':' || if(s.party = 'agent', 'a' || s.leg_no, 'c') || ':' || (s.end_ms - s.both_ms - s.alone_ms),
    s.call_id,
    s.leg_id,
    if(s.party = 'agent', 'a' || s.leg_no, 'c'),
    row_number() over (partition by s.call_id order by s.leg_no, s.k),
    s.party,
    'local',
    s.end_ms - s.both_ms - s.alone_ms,
    s.end_ms,
    s.language_code,
    s.text,
    s.word_count,
    s.conf,
    false,
    false,
    s.language_code || '-bench',
    c.date_key,
    c.call_no
from month_slots as s
join month_numbers as c on c.call_id = s.call_id
order by
    s.leg_key,
    s.k;

insert into fact_word (utterance_id, word_seq, start_ms, end_ms, word, conf, language_code, date_key)
with spoken as (
    select
        s.call_id || ':' || if(s.party = 'agent', 'a' || s.leg_no, 'c') || ':' || (s.end_ms - s.both_ms - s.alone_ms) as utterance_id,
        s.leg_key,
        s.k,
        s.end_ms - s.both_ms - s.alone_ms as start_ms,
        s.alone_ms,
        s.word_count,
        s.conf,
        s.language_code,
        unnest(string_split(s.text, ' ')) as word,
        generate_subscripts(string_split(s.text, ' '), 1)::integer as word_seq
    from month_slots as s
    where s.has_words
)
select
    w.utterance_id,
    w.word_seq,
    w.start_ms + w.alone_ms * (w.word_seq - 1) // w.word_count,
    w.start_ms + w.alone_ms * w.word_seq // w.word_count,
    w.word,
    least(1, w.conf + 0.3 * rnd(w.word, w.leg_key) - 0.1),
    w.language_code,
    l.date_key
from spoken as w
join month_legs as m on m.leg_key = w.leg_key
join month_calls as l on l.call_id = m.call_id
order by
    w.leg_key,
    w.k,
    w.word_seq;

-- Evidence: what the checks add up and what reports list; single silences and latencies are left out
insert into fact_interval (interval_id, leg_id, kind, subkind, party, start_ms, end_ms, value, outcome, metric_version, date_key)
with evidence as (
    select leg_key, k as place, leg_id, party || '_only' as kind, null as subkind, party, end_ms - both_ms - alone_ms as start_ms,
        end_ms - both_ms as end_ms, null::double as value, null as outcome
    from month_slots
    union all
    select leg_key, k, leg_id, 'overtalk', if(n % 27 = 0, 'interruption', 'backchannel'), if(party = 'agent', 'customer', 'agent'),
        end_ms - both_ms, end_ms, null, if(n % 27 = 0, if(n % 2 = 0, 'taken', 'attempted'), null)
    from month_slots
    where both_ms > 0
    union all
    select leg_key, k, leg_id, unnest(if(gap_ms >= 10000, ['long_silence', 'dead_air'], ['long_silence'])), null, party,
        end_ms - both_ms - alone_ms - gap_ms, end_ms - both_ms - alone_ms, null, null
    from month_slots
    where gap_ms >= 3000
    union all
    select leg_key, k, leg_id, 'hold', null, null, end_ms - both_ms - alone_ms - gap_ms - hold_ms, end_ms - both_ms - alone_ms - gap_ms,
        null, null
    from month_slots
    where hold_ms > 0
    union all
    select leg_key, k, leg_id, 'greeting', null, 'agent', end_ms - both_ms - alone_ms - gap_ms, end_ms - both_ms - alone_ms, gap_ms, null
    from month_slots
    where k = 0
    union all
    select leg_key, 0, leg_id, 'turn', null, party, start_ms, end_ms, null, null
    from month_turns
)
select
    nextval('interval_id'),
    e.leg_id,
    e.kind,
    e.subkind,
    e.party,
    e.start_ms,
    e.end_ms,
    e.value,
    e.outcome,
    '1',
    l.date_key
from (from evidence order by leg_key, start_ms) as e
join fact_leg as l on l.leg_id = e.leg_id and l.date_key between as_key(getvariable('first')) and as_key(getvariable('last') + 1);

insert into fact_leg_language (leg_id, party, language_code, speech_ms, share_pct, word_count, wpm, asr_conf_mean, date_key)
with spoken as (
    select
        leg_key,
        leg_id,
        party,
        language_code,
        sum(alone_ms + both_ms)::bigint as speech_ms,
        sum(word_count)::integer as word_count,
        avg(conf) as asr_conf_mean
    from month_slots
    group by
        leg_key,
        leg_id,
        party,
        language_code
)
select
    s.leg_id,
    s.party,
    s.language_code,
    s.speech_ms,
    100 * s.speech_ms / sum(s.speech_ms) over (partition by s.leg_id, s.party),
    s.word_count,
    60000 * s.word_count / s.speech_ms,
    s.asr_conf_mean,
    l.date_key
from spoken as s
join fact_leg as l on l.leg_id = s.leg_id and l.date_key between as_key(getvariable('first')) and as_key(getvariable('last') + 1)
order by
    s.leg_key,
    s.party,
    s.language_code;
