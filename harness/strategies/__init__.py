"""Who runs next: pure functions of what they are told. They know nothing of real threads or time."""
