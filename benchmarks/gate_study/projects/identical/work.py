import hashlib

DATA = bytes(range(256)) * 1000


def count(steps=3000):
    total = 0
    for step in range(steps):
        total += step & 3
    return total


def digest(number):
    return hashlib.sha256(DATA + bytes([number % 256])).hexdigest()


def square(number):
    return sum(number * step for step in range(200))
