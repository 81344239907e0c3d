{% snapshot plants_snapshot %}
{{ config(target_schema='dbt_green', unique_key='id', strategy='check', check_cols=['power']) }}
select * from {{ ref('plants') }}
{% endsnapshot %}
