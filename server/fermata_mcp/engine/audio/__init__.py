"""Audio that may lie elsewhere: kept, brought here when it is needed, linked to, uploaded, and let go of."""
