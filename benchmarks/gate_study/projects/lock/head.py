import hashlib
import threading

DATA = bytes(range(256)) * 5000
lock = threading.Lock()


def digest(number):
    with lock:
        first = hashlib.sha256(DATA).hexdigest()
        second = hashlib.sha256(DATA).hexdigest()
    return first + second + hashlib.sha256(DATA).hexdigest() + str(number)
