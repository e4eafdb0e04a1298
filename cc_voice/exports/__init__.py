"""Exports: what leaves the appliance as files, tables for BI tools, a call for people, a Delta table for many sites.

csv_files    CSV as spreadsheets and programs read it
folder       tables as CSV and Parquet in a folder, whole or by site and day, with dictionary and manifest
staging      how a folder goes from one export to the next: never half
lake         Delta tables that many sites share
bucket       a folder's export in an S3-compatible store
transcripts  WebVTT, SubRip, text      contact_lens  a leg as Amazon Connect writes it      call_audio  WAV, FLAC

ExportError  nothing was replaced; the message says why
"""

from cc_voice.exports.csv_files import csv_text, frame
from cc_voice.exports.errors import ExportError

__all__ = ["ExportError", "csv_text", "frame"]
