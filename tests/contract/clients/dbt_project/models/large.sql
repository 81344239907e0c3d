{{ config(materialized='view') }}
select * from {{ ref('plants') }} where power > 15
