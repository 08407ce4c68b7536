"""What the harness costs, and how it compares with its peers; nothing here asserts on time."""
