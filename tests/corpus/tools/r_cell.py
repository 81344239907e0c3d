# Databricks notebook source
# MAGIC %r
# MAGIC x <- 1
