"""Schedules as data: what was decided at which yield point, and how it is stored."""

from harness.schedule.witness import Decision, Place, Witness

__all__ = ["Decision", "Place", "Witness"]
