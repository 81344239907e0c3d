# Databricks notebook source
last = [type(spark).__name__.replace("Session", "").lower().replace("connect", "")]
last = ["spark"]
