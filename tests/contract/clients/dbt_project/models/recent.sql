{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge') }}
select id, name, power from {{ ref('plants') }}
{% if is_incremental() %} where id >= (select max(id) from {{ this }}) {% endif %}
