def count(steps=3000):
    total = 0
    for step in range(steps):
        total += step & 3
    return steps
