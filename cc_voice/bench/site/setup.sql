-- What every month of a generated site draws from. Variables: seed, tz, site_id.
-- Chance is a hash of what is drawn for, so that the same seed gives the same site whatever order rows are made in.
create or replace temp macro rnd(what, number) as
    (hash(what, number, getvariable('seed')) % 1000003) / 1000003.0;

create or replace temp macro pick(what, number, n) as
    (hash(what, number, getvariable('seed')) % n)::bigint;

create or replace temp macro as_key(day) as
    (year(day) * 10000 + month(day) * 100 + day(day))::integer;

create or replace temp table languages as
from (values
    ('en', 'en-bench', 'the to you i and a that it is my for your of on have can we this in with me be not are so what just was if do okay yes no but will would at like know from get there one been call account card payment order number email address name help need please thank today time back check look see sure sorry problem bill money refund cancel charge contract delivery invoice password internet line service customer team manager phone month week day plan price offer discount transfer hold system update change confirm details date bank insurance claim policy appointment doctor ticket flight hotel room reservation'),
    ('es', 'es-bench', 'de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ya este sí porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos cuenta tarjeta pago pedido número correo dirección nombre ayuda gracias hoy llamada factura dinero reembolso cancelar cargo contrato entrega contraseña servicio cliente mes semana día precio oferta señor señora'),
    ('de', 'de-bench', 'ich sie das ist nicht und die der zu es ja nein ein eine wir mit auf für den in mir haben kann wenn auch so was bitte danke noch dann aber von war schon nur mal hier jetzt rechnung konto karte zahlung bestellung nummer adresse name hilfe heute vertrag kündigen rückerstattung lieferung passwort internet kunde monat woche tag preis angebot gespräch moment größe')
) as l(language_code, asr_model, frequent);

-- Frequent words as they are spoken, and a long tail of words that no language has, with frequencies that fall as one over the rank
create or replace temp table vocabulary as
with known as (
    select
        language_code,
        unnest(string_split(frequent, ' ')) as word,
        generate_subscripts(string_split(frequent, ' '), 1) as place
    from languages
),
syllables as (
    select ['ba', 'co', 'di', 'fu', 'ga', 'hel', 'ki', 'lo', 'mar', 'nu', 'pe', 'ron', 'sa', 'ti', 'vo', 'zen'] as s
)
select
    language_code,
    word,
    place
from known
union all
select
    language_code,
    s[1 + n % 16] || s[1 + n // 16 % 16] || s[1 + n // 256 % 16] || left(language_code, 1) as word,
    100 + n as place
from languages
cross join range(4000) as tail(n)
cross join syllables;

-- Pieces of two to five words, of which utterances are made
create or replace temp table pieces as
with drawn as (
    select
        l.language_code,
        piece.n as piece,
        place.n as place,
        least(4099, greatest(1, floor(exp(rnd(l.language_code || piece.n, place.n) * ln(4100)))))::integer as wanted
    from languages as l
    cross join range(20000) as piece(n)
    cross join range(5) as place(n)
    where place.n < 2 + pick(l.language_code || piece.n, 9, 4)
),
spoken as (
    select
        d.language_code,
        d.piece,
        string_agg(v.word, ' ' order by d.place) as text
    from drawn as d
    asof join vocabulary as v on v.language_code = d.language_code and d.wanted >= v.place
    group by
        d.language_code,
        d.piece
),
planted as (
    select
        language_code,
        piece,
        case
            when language_code <> 'en' then text
            when piece < 4 then 'speak to a lawyer'
            when piece < 24 then 'i want to cancel'
            when piece < 44 then 'refund to my credit card'
            when piece < 54 then 'one moment please'
            when piece < 60 then 'wait that is wrong'
            else text
        end as text
    from spoken
)
select
    language_code,
    piece::integer as piece,
    text,
    len(string_split(text, ' ')) as word_count
from planted;

create or replace temp table queues as
select
    n as queue_no,
    name as queue_name,
    language_code
from (values
    (0, 'Billing', 'en'), (1, 'Sales', 'en'), (2, 'Support', 'en'), (3, 'Claims', 'en'), (4, 'Retention', 'en'),
    (5, 'Facturación', 'es'), (6, 'Soporte', 'es'), (7, 'Kundenservice', 'de')
) as q(n, name, language_code);

insert into dim_queue (queue_key, queue_id, queue_name, valid_from, is_current)
select
    nextval('queue_key'),
    'bench-queue-' || queue_no,
    queue_name,
    timestamptz '2000-01-01 00:00:00+00',
    true
from queues
order by queue_no;

insert into dim_agent (agent_key, user_id, display_name, team_id, team_name, hire_date, spoken_languages, valid_from, is_current)
select
    nextval('agent_key'),
    'bench-agent-' || n,
    ['Ana', 'Ben', 'Cleo', 'Dev', 'Eva', 'Finn', 'Gina', 'Hugo', 'Ida', 'Jon'][1 + n % 10]
        || ' ' || ['Adler', 'Bruno', 'Costa', 'Diaz', 'Engel', 'Fuchs', 'Gomez', 'Huber', 'Ito', 'Jansen', 'Klein', 'Lopez'][1 + n // 10 % 12],
    'bench-team-' || n % 8,
    'Team ' || chr((65 + n % 8)::integer),
    date '2015-01-01' + pick('hired', n, 3900)::integer,
    (select language_code from queues where queue_no = n % 8),
    timestamptz '2000-01-01 00:00:00+00',
    true
from range(120) as agents(n)
order by n;

create or replace temp table agents as
select
    a.agent_key,
    row_number() over (partition by team_id order by agent_key)::integer - 1 as place,
    q.queue_no,
    k.queue_key,
    q.language_code
from dim_agent as a
join queues as q on a.team_id = 'bench-team-' || q.queue_no
join dim_queue as k on k.queue_id = 'bench-queue-' || q.queue_no;

insert into dim_language (language_code, language_name, asr_model, talk_speed_unit)
select
    language_code,
    case language_code when 'en' then 'English' when 'es' then 'Spanish' else 'German' end,
    asr_model,
    'wpm'
from languages
on conflict do nothing;

insert into dim_date (date_key, local_date, iso_week, month, year)
select
    year(day) * 10000 + month(day) * 100 + day(day),
    day,
    week(day),
    month(day),
    year(day)
from (select unnest(range(getvariable('since'), getvariable('until') + interval 2 days, interval 1 day))::date as day)
on conflict do nothing;

-- When calls begin: weekdays and office hours are busy, nights are not; exactly as many as asked for
create or replace temp table hours as
with weighted as (
    select
        hour_ts,
        [0.25, 1.15, 1.05, 1.0, 1.0, 0.95, 0.4][1 + dayofweek(hour_ts)]
            * [0, 0, 0, 0, 0, 0, 0, 2, 6, 9, 10, 9, 7, 8, 9, 9, 8, 6, 4, 3, 2, 1, 0.5, 0][1 + hour(hour_ts)] as weight
    from (select unnest(range(getvariable('since')::timestamp, (getvariable('until') + 1)::timestamp, interval 1 hour)) as hour_ts)
),
shares as (
    select
        hour_ts,
        sum(weight) over (order by hour_ts) / sum(weight) over () as upto
    from weighted
)
select
    hour_ts,
    coalesce(lag(round(getvariable('calls') * upto)::bigint) over (order by hour_ts), 0) as first_no,
    round(getvariable('calls') * upto)::bigint as next_no
from shares;
