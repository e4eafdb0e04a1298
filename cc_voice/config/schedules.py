"""Exports that the service makes by itself: `[[exports]]` of the configuration."""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_SCHEMES = ("s3://", "gs://", "az://")


class ExportJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to, how often, and what; a folder and a bucket get a partitioned export that is continued."""

    name: str
    """Unique; small letters, digits, `-` and `_`."""
    to: str
    """A folder, or a bucket and prefix such as s3://bucket/prefix."""
    every_minutes: int = 1440
    """How often; the default is once a day."""
    delta: bool = False
    """Delta tables, which sites may share, instead of files."""
    formats: tuple[Literal["csv", "parquet"], ...] = ("csv", "parquet")
    """Of files; Delta tables have their own."""
    bom: bool = False
    """Begin CSV files with a byte order mark, for Excel."""

    @property
    def is_remote(self) -> bool:
        """Whether it goes to a bucket."""
        return self.to.startswith(_SCHEMES)


def problem(jobs: Sequence[ExportJob]) -> str | None:
    """Return what is wrong with jobs that cannot be done."""
    names = [job.name for job in jobs]
    for job in jobs:
        if not _NAME.fullmatch(job.name) or names.count(job.name) > 1:
            return f"exports: {job.name!r} is no name, which is unique and made of small letters, digits, - and _"
        if job.every_minutes < 1:
            return f"every_minutes of export {job.name!r} is {job.every_minutes}; it is 1 or more"
        if "://" in job.to and not job.is_remote:
            return f"export {job.name!r} goes to {job.to!r}; it can go to a folder, {', '.join(_SCHEMES)}"
        if not job.to.strip() or not job.formats:
            return f"export {job.name!r} needs a place to go and a format"
    return None
