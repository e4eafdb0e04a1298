-- grain: one row per version of a rule that looked at calls
select
    c.category_id as rule_id,
    c.version as rule_version,
    c.name as rule_title,
    c.folder as rule_folder,
    c.kind as rule_kind,
    c.state as rule_status,
    c.is_alert,
    c.origin as rule_origin,
    c.author as published_by,
    c.note as publication_note,
    c.is_unmarked,
    c.valid_from,
    c.valid_to
from dim_category as c
