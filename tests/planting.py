"""Other derivative rules in the place of the right ones, as if somebody had edited the line of an op."""

from contextlib import contextmanager


@contextmanager
def planted(op, *rules, trusted=True):
    """Give an op other rules; trusted as the package's own, or as those of a reader."""
    before = op.rules, op.trusted
    op.trusted = (rules, *op.trusted[1:]) if trusted else op.trusted
    op.rules = rules
    try:
        yield
    finally:
        op.trusted = before[1]
        op.rules = before[0]
