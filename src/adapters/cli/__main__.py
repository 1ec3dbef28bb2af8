"""`python -m adapters.cli`, where there is no `clinic` on the path."""

from adapters.cli.main import app

if __name__ == "__main__":
    app(prog_name="clinic")
