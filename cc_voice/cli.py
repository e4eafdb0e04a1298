"""Commands. Imports lazily: `cc-voice --help` must not load a recogniser or a database."""

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cc-voice")
def main() -> None:
    """Contact-center voice analytics for Zoom, on site."""
