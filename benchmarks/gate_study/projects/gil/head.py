import hashlib

DATA = bytes(range(256)) * 2000
PART = 2000  # hashlib keeps the GIL for less than 2048 bytes


def digest(number):
    state = hashlib.sha256()
    for start in range(0, len(DATA), PART):
        state.update(DATA[start : start + PART])
    state.update(bytes([number]))
    return state.hexdigest()
