# Databricks notebook source
import numpy as np
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

points = np.array([[0, 0], [0, 1], [9, 9], [9, 8]], dtype=float)
labels = KMeans(n_clusters=2, n_init=5, random_state=0).fit_predict(StandardScaler().fit_transform(points))
spark.createDataFrame([(float(x), float(y), int(label)) for (x, y), label in zip(points, labels)], ["x", "y", "cluster"]).display()
assert labels[0] == labels[1] != labels[2] == labels[3]
