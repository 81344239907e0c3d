# Databricks notebook source
dbutils.widgets.text("level", "low")
LEVEL = dbutils.widgets.get("level")

def describe(value):
    return f"{LEVEL}: {value}"
