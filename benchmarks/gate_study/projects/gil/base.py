import hashlib

DATA = bytes(range(256)) * 2000


def digest(number):
    return hashlib.sha256(DATA + bytes([number])).hexdigest()
