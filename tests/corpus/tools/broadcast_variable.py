# Databricks notebook source
names = sc.broadcast({1: "one"})
assert names.value[1] == "one"
