# Databricks notebook source
import json
import os

print(os.getcwd())
with open("settings.json") as file:
    assert json.load(file)["name"] == "lesson"
assert spark.read.text(f"file:{os.getcwd()}/settings.json").count() == 1
