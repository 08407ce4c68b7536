"""Scenario kinds, one file each: what concurrent use of a class must withstand, ready to run on any class.

A file whose name has no underscore in front is a kind of that name. It holds the public function of the same name and,
if the kind can be configured, ``fits(target) -> str`` (why it does not fit, or nothing) and
``configured(target, explore)``. See :mod:`harness.kinds._registry`.
"""
