select kind, sum(power) as power, count(*) as plants from {{ ref('plants') }} group by kind
