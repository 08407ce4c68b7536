"""A study of the gate on real machines: how often it alarms on identical commits, and what it finds in changed ones."""
