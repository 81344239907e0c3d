# Databricks notebook source
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

data = pd.DataFrame({"x": [1, 2, 3, 4], "y": [2, 4, 5, 8], "g": ["a", "a", "b", "b"]})
sns.scatterplot(data=data, x="x", y="y", hue="g")
plt.show()
sns.heatmap(data[["x", "y"]].corr(), annot=True);
