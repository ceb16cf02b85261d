"""A command as a test calls it."""

from tinygrad_ed import cli


def run(capsys, *argv):
    """Status, stdout and stderr of one command."""
    try:
        status = cli.main([str(word) for word in argv])
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    return status, out, err
