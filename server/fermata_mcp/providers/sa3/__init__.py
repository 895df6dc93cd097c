"""Stable Audio 3 on an sa3.cpp server that people run themselves."""
