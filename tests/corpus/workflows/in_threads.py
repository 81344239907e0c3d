# Databricks notebook source
from concurrent.futures import ThreadPoolExecutor

def run(number):
    return dbutils.notebook.run("./called", 120, {"number": str(number)})

with ThreadPoolExecutor(2) as pool:
    answers = list(pool.map(run, [1, 2]))
print(answers)
assert answers == ['{"twice": 2}', '{"twice": 4}']
