def count(steps=3000):
    total = 0
    for step in range(steps + steps // 10):
        total += step & 3
    return steps
