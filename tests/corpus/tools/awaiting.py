# Databricks notebook source
import asyncio

async def answer(number):
    await asyncio.sleep(0.01)
    return number

numbers = await asyncio.gather(*(answer(n) for n in range(3)))
assert numbers == [0, 1, 2]
