"""``python -m geotagger`` is the command line."""

from geotagger.cli.main import entry

if __name__ == "__main__":
    entry()
