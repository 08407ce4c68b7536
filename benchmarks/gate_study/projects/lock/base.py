import hashlib

DATA = bytes(range(256)) * 5000


def digest(number):
    first = hashlib.sha256(DATA).hexdigest()
    second = hashlib.sha256(DATA).hexdigest()
    return first + second + hashlib.sha256(DATA).hexdigest() + str(number)
