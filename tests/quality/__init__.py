"""Can the engine find the known-hard thing, and does it leave correct code alone?"""
