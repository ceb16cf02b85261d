"""`python -m tinygrad_ed` is the command `tinygrad-ed`."""

from tinygrad_ed.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
