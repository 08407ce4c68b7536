"""Tests of the pickle probe."""
