"""Benches: what `cc-voice bench` measures of this product on this machine, against material whose truth is known."""

from typing import ClassVar

import click

from cc_voice.commands.terminal import LazyGroup


class _Benches(LazyGroup):
    elsewhere: ClassVar = {
        "chain": ("cc_voice.bench.chain", "bench_chain", "Words that the path of a call costs beyond the recogniser's own errors."),
        "data": ("cc_voice.bench.data", "bench_data", "Make a site of any size that never was."),
        "queries": ("cc_voice.bench.queries", "bench_queries", "How fast reports and searches of a site answer."),
        "rules": ("cc_voice.bench.rules", "bench_rules", "What rules cost, and how well those that ship find."),
        "language": ("cc_voice.bench.language", "bench_language", "Which language is spoken when, however badly Zoom tags it."),
        "live": ("cc_voice.bench.live", "bench_live", "Many calls at once: keep-alives, delay of words, lag, memory."),
        "sentiment": ("cc_voice.bench.sentiment", "bench_sentiment", "Sentiment by words against labels of others."),
        "webhook": ("cc_voice.bench.webhook", "bench_webhook", "How soon webhooks are answered while calls stream."),
        "redaction": (
            "cc_voice.bench.redaction",
            "bench_redaction",
            "How much of card numbers read aloud is hidden, and what beside.",
        ),
        "vad": ("cc_voice.bench.vad", "bench_vad", "Speech against other sounds: talk time, overtalk and silence of marked calls."),
    }


@click.group(cls=_Benches)
def bench() -> None:
    """Measure this product on this machine, against material whose truth is known."""
