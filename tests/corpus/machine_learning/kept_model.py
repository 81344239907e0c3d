# Databricks notebook source
import pickle

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC

model = make_pipeline(MinMaxScaler(), SVC()).fit([[0], [1], [10], [11]], [0, 0, 1, 1])
dbutils.fs.mkdirs("/models")
with open("/dbfs/models/svc.pickle", "wb") as file:
    pickle.dump(model, file)

# COMMAND ----------

with open("/dbfs/models/svc.pickle", "rb") as file:
    assert pickle.load(file).predict([[0.5], [10.5]]).tolist() == [0, 1]
