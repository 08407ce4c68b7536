"""Running code to yield points: which instruction touches which shared location. Knows no scheduling."""
