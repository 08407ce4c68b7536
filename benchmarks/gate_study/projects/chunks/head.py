def square(number):
    return sum(number * step for step in range(200))


def squares(pool, numbers):
    return sum(pool.map(square, numbers))
