# Databricks notebook source
# after: tables/shared_by_tasks_first
table = spark.table("MAIN.Default.Handed_Over")
assert table.count() == 4
