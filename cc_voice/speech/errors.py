"""Errors of speech.

    SpeechError
    ├── AudioFileError    a recording cannot be read
    ├── EncodingError     live audio comes in an encoding that cannot be decoded here
    ├── PacketError       one packet of live audio is damaged
    ├── DetectorError     the network that tells speech from other sounds cannot be loaded
    ├── FetchError        a speech model could not be brought here
    ├── GrammarError      a model cannot be confined to these phrases
    ├── ModelError        a speech model is missing, damaged or not allowed here
    └── RecogniserError   the recogniser failed on audio

Every message names the file, model or channel and says what the operator can do.
"""


class SpeechError(Exception):
    """Root of the package's errors."""


class AudioFileError(SpeechError):
    """A recording cannot be read: absent, not audio, empty or cut short."""


class EncodingError(SpeechError):
    """Live audio comes in an encoding that cannot be decoded here: nothing of it can be used until somebody changes that."""


class PacketError(SpeechError):
    """One packet of live audio is damaged: its time is a hole, the next packet may be whole."""


class FetchError(SpeechError):
    """A speech model could not be brought here: source, network, archive or disk. What was installed before is untouched."""


class DetectorError(SpeechError):
    """Silero cannot be loaded: its package or weights are missing or damaged. WebRTC's detector works without."""


class GrammarError(SpeechError):
    """A model cannot be confined to phrases: it takes no grammar, or it knows none of them."""


class ModelError(SpeechError):
    """A speech model cannot be used: missing or damaged files, or a test model where it is not allowed."""


class RecogniserError(SpeechError):
    """The recogniser failed on audio; the words of this segment are lost, its speech intervals are not."""
