"""kie.ai: a flavour of sunoapi."""

from .sunoapi import KIE as SPEC
from .sunoapi import make_kie as make

__all__ = ["SPEC", "make"]
