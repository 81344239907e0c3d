# Databricks notebook source
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

data = load_iris(as_frame=True)
flowers = spark.createDataFrame(data.frame.rename(columns=lambda name: name.replace(" (cm)", "").replace(" ", "_")))
display(flowers.groupBy("target").count())

# COMMAND ----------

frame = flowers.toPandas()
train, test = train_test_split(frame, test_size=0.3, random_state=1)
model = LogisticRegression(max_iter=500).fit(train.drop(columns="target"), train.target)
accuracy = accuracy_score(test.target, model.predict(test.drop(columns="target")))
print(f"accuracy {accuracy:.2f}")
assert accuracy > 0.9
