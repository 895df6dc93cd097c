"""Hosts of one model that speak one dialect, with other codes for refusals: sunoapi.org and kie.ai."""
