"""Doors of the http server beside the protocol's own, one file each, and who may come through them."""
