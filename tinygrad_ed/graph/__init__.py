"""The engine: a value that remembers how it was made, ops, and the sweep that gives every value its gradient.

Read `node`, then `op`, `backward` and `rule`. `quick` holds the short ways for speed; nothing depends on them.
"""
