-- One row per utterance.
select
    utterance_id,
    call_id,
    leg_id,
    party,
    start_ms,
    end_ms,
    text
from {{ source('exports', 'utterances') }}
