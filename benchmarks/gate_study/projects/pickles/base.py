TABLE = bytes(range(250)) * 4000


def entry(number):
    return sum(TABLE[number] * step for step in range(20000))


class Service:
    def total(self, pool, count):
        return sum(pool.map(entry, range(count)))
