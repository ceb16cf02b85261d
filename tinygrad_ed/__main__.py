"""`python -m tinygrad_ed` is the command `tinygrad-ed`."""

import sys

try:
    from tinygrad_ed.cli import main
except KeyboardInterrupt:  # while the command is loaded
    sys.stderr.write("tinygrad-ed: stopped\n")
    raise SystemExit(130) from None

if __name__ == "__main__":
    raise SystemExit(main())
