"""Commands of rehearsals: the demo, the sandbox, the drills."""
