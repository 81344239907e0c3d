# Databricks notebook source
from IPython.display import HTML, Markdown, display as show

show(HTML("<b>bold</b>"))
show(Markdown("*markdown*"))
displayHTML("<svg width='10' height='10'><circle r='4'/></svg>")
