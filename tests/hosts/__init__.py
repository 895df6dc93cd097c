"""Clients and hosts that others wrote, run with a model that is scripted on the loopback.

`make hosts` installs each in a folder of its own, runs one after the other, and prints what each did (`run.py`).
Nothing here is collected by pytest.
"""
