# Databricks notebook source
# MAGIC %scala
# MAGIC val x = 1
