-- Databricks notebook source
CREATE OR REPLACE TEMP VIEW prepared AS SELECT * FROM VALUES (1), (2) AS t(n)
