"""The recogniser that hears no words."""

from cc_voice.speech.recogniser import NoRecogniser, RecognisedSegment, RecogniserFactory


def test_no_recogniser_hears_no_words() -> None:
    factory: RecogniserFactory = NoRecogniser()
    recogniser = factory.create(16000)
    recogniser.accept(bytes(3200))
    assert recogniser.partial() == ""
    assert recogniser.finish() == RecognisedSegment(text="")
    assert (factory.model_name, factory.language) == (None, None)
