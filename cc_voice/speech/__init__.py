"""Speech: PCM in, utterances out; codecs, sample rates, voice activity, segments, recognition, models. See README.md."""
