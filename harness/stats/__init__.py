"""Estimates, intervals and sequential decisions over paired observations; pure.

It knows no clock and no process; what is random comes from an injected generator.
"""
