"""The workloads that come with the harness, by what limits them; heavy dependencies are imported when used."""
