# Databricks notebook source
# MAGIC %matplotlib inline
# MAGIC import matplotlib.pyplot as plt

# COMMAND ----------

import matplotlib.pyplot as plt
import numpy as np

x = np.linspace(0, 6, 50)
plt.figure(figsize=(6, 3))
plt.plot(x, np.sin(x), label="sin")
plt.legend()
plt.show()

# COMMAND ----------

figure, axes = plt.subplots()
axes.bar(["a", "b"], [1, 2])
display(figure)

# COMMAND ----------

plt.hist([1, 1, 2, 3])
display()
