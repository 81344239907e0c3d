# Databricks notebook source
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression

data = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)], ["x", "y"])
features = VectorAssembler(inputCols=["x"], outputCol="features").transform(data)
model = LinearRegression(labelCol="y").fit(features)
assert abs(model.coefficients[0] - 2) < 0.01

# COMMAND ----------

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import StandardScaler, StringIndexer
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

rows = [("low" if x < 10 else "high", float(x), float(x % 3)) for x in range(20)]
data = spark.createDataFrame(rows, "level string, size double, rest double")

# COMMAND ----------

stages = [
    StringIndexer(inputCol="level", outputCol="label"),
    VectorAssembler(inputCols=["size", "rest"], outputCol="raw"),
    StandardScaler(inputCol="raw", outputCol="features"),
    LogisticRegression(maxIter=20),
]
model = Pipeline(stages=stages).fit(data)
predicted = model.transform(data)
display(predicted.select("level", "size", "prediction"))
evaluator = MulticlassClassificationEvaluator(metricName="accuracy")
assert evaluator.evaluate(predicted) == 1.0

# COMMAND ----------

model.write().overwrite().save("/models/levels")
assert "metadata/" in [item.name for item in dbutils.fs.ls("/models/levels")]
again = PipelineModel.load("/models/levels")
assert evaluator.evaluate(again.transform(data)) == 1.0

# COMMAND ----------

prepared = Pipeline(stages=stages[:3]).fit(data).transform(data)
grid = ParamGridBuilder().addGrid(stages[3].regParam, [0.0, 0.1]).build()
best = CrossValidator(estimator=stages[3], estimatorParamMaps=grid, evaluator=evaluator, numFolds=2, seed=1).fit(prepared)
assert len(best.avgMetrics) == 2
clusters = KMeans(k=2, seed=1).fit(prepared)
assert clusters.transform(prepared).select("prediction").distinct().count() == 2
