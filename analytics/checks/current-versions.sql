-- check: of every agent and queue exactly one version is current
select
    'dim_agent' as relation,
    user_id as id,
    count(*) filter (where is_current) as n_current
from dim_agent
group by user_id
having count(*) filter (where is_current) <> 1
union all
select
    'dim_queue' as relation,
    queue_id as id,
    count(*) filter (where is_current) as n_current
from dim_queue
group by queue_id
having count(*) filter (where is_current) <> 1
