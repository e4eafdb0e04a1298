-- title: Which questions are answered wrong by the program?
-- summary: Automatic answers that people changed, of those that a person looked at; from 20 on and over 20 % a question is better left to people.
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param form (text, default none): only this form, by its id
with looked_at as (
    select
        i.form_id,
        i.form_version,
        i.question_id,
        i.question_title,
        i.question_place,
        i.auto_answer,
        i.answer_state,
        not i.auto_accepted as is_changed
    from v_evaluation_item as i
    where i.date_key between as_date_key($since) and as_date_key($until)
        and ($form is null or i.form_id = $form)
        and i.evaluation_source = 'human'
        and i.evaluation_type = 'standard'
        and i.evaluation_state <> 'draft'
        and i.auto_accepted is not null
        and i.auto_answer not in ('undetermined', 'unanswered')
)

select
    form_id,
    form_version,
    question_id,
    question_title,
    count(*) as n_looked_at,
    count(*) filter (is_changed) as n_changed,
    100 * count(*) filter (is_changed) / count(*) as override_pct,
    count(*) filter (is_changed and auto_answer <> 'met' and answer_state = 'met') as n_changed_to_met,
    count(*) filter (is_changed and auto_answer <> 'missed' and answer_state = 'missed') as n_changed_to_missed,
    count(*) >= 20 and count(*) filter (is_changed) > 0.2 * count(*) as better_for_people
from looked_at
group by
    form_id,
    form_version,
    question_id,
    question_title,
    question_place
order by
    form_id,
    form_version,
    question_place
