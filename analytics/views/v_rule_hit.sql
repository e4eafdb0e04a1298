-- grain: one row per hit of a rule in a leg, and one more where it was found live, too; found without words: NULL times
select
    h.hit_key,
    h.call_id,
    h.leg_id,
    h.date_key,
    d.local_date,
    c.category_id as rule_id,
    c.version as rule_version,
    c.name as rule_title,
    c.folder as rule_folder,
    c.kind as rule_kind,
    c.state as rule_status,
    h.condition,
    h.party,
    h.channel_id,
    h.start_ms,
    h.end_ms,
    h.utterance_id,
    h.first_word_seq,
    h.last_word_seq,
    h.expression,
    h.matched_text,
    h.source,
    h.conf,
    h.timed,
    h.is_live,
    h.withdrawn_ts,
    h.rule_set,
    h.run_id
from fact_category_hit as h
join dim_category as c on c.category_key = h.category_key
left join dim_date as d on d.date_key = h.date_key
where h.leg_id is not null
