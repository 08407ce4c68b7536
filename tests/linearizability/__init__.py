"""Wrong data structures that generated programs must find, their correct twins, and the figures of both."""
