"""Faults on demand: answers that fail, connections that break, tasks and clusters that are lost."""
