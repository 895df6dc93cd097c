"""Answers of a stdio server before the SDK is loaded."""
