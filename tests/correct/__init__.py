"""Programs that are correct under every interleaving: the harness must never call one of them wrong."""
