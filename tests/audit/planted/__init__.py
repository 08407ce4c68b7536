"""Small pieces of work, each in a form that leaves something behind (`leaky`) and in one that does not (`clean`).

A function of the same name does the same work in both modules. What `leaky` keeps, a service would keep in a global.
"""
