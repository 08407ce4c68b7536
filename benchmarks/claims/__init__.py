"""What post-mortems claim about pools, measured: `make claims` writes `docs/claims.md` from a fresh run."""
