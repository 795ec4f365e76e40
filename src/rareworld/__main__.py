"""`python -m rareworld` is the `rareworld` command."""

from rareworld.cli.main import main

if __name__ == "__main__":
    main()
