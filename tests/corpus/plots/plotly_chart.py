# Databricks notebook source
import plotly.express as px
import plotly.graph_objects as go

figure = px.bar(x=["a", "b"], y=[1, 3], title="Bars")
figure.show()

# COMMAND ----------

display(go.Figure(go.Scatter(x=[1, 2], y=[3, 4])))
