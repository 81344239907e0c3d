# Databricks notebook source
names = [scope.name for scope in dbutils.secrets.listScopes()]
print(names)
try:
    dbutils.secrets.get(scope="no-such-scope", key="password")
except Exception as error:
    print(error)
    assert "no-such-scope" in str(error)
