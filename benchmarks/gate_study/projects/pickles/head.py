class Service:
    def __init__(self):
        self.table = bytes(range(250)) * 4000

    def entry(self, number):
        return sum(self.table[number] * step for step in range(20000))

    def total(self, pool, count):
        return sum(pool.map(self.entry, range(count)))
