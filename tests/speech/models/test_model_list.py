"""The makers' list as it is written, and as it might be: the manifest corrected and completed, never broken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.errors import FetchError
from cc_voice.speech.models.inventory import NOT_STATED, Listed
from cc_voice.speech.models.model_list import Offer, offer

KAZAKH = {
    "lang": "kz",
    "lang_text": "Kazakh",
    "md5": "1c7dc487ac5e0c24acfa7566c106ba2d",
    "name": "vosk-model-small-kz-0.42",
    "obsolete": "false",
    "size": 59697294,
    "size_text": "56.9MiB",
    "type": "small",
    "url": "https://alphacephei.com/vosk/models/vosk-model-small-kz-0.42.zip",
    "version": "0.42",
}
OURS = Listed(name=KAZAKH["name"], language="kk", licence="Apache-2.0", url=KAZAKH["url"], size_mb=58)


def read(*entries: Any, manifest: tuple[Listed, ...] = ()) -> Offer:
    return offer(manifest, json.dumps(entries).encode(), "list")


def test_an_entry_is_a_model_that_can_be_had() -> None:
    (model,) = read(KAZAKH).models
    assert (model.name, model.language, model.size_bytes, model.md5) == (KAZAKH["name"], "kk", 59697294, KAZAKH["md5"])
    assert (model.url, model.licence, model.obsolete, model.small) == (KAZAKH["url"], NOT_STATED, False, True)
    assert model.sample_rate_hz is None


@pytest.mark.parametrize(
    ("lang", "language"),
    [
        *[("cn", "zh-CN"), ("kz", "kk"), ("ua", "uk"), ("vn", "vi"), ("el-gr", "el"), ("tl-ph", "fil")],
        *[("ar-tn", "ar-TN"), ("en-in", "en-IN"), ("en-us", "en-US"), ("pl", "pl"), ("KO", "ko")],
    ],
)
def test_their_codes_become_language_tags(lang: str, language: str) -> None:
    assert read(KAZAKH | {"lang": lang}).models[0].language == language


@pytest.mark.parametrize(
    ("value", "is_obsolete"),
    [("true", True), ("True", True), (True, True), (1, True), ("false", False), (False, False), ("", False), (None, False)],
)
def test_obsolete_is_a_word_or_a_value(value: object, is_obsolete: bool) -> None:
    assert read(KAZAKH | {"obsolete": value}).models[0].obsolete is is_obsolete


def test_the_manifest_is_completed_in_silence_and_corrected_aloud() -> None:
    found = read(KAZAKH, manifest=(OURS,))
    assert found.corrections == {}, "the manifest knew neither size nor checksum"
    assert (found.models[0].md5, found.models[0].licence) == (KAZAKH["md5"], "Apache-2.0")
    newer = KAZAKH | {"md5": "0" * 32, "size": 60000000, "obsolete": "true", "lang": "xx"}
    assert read(newer, KAZAKH, manifest=found.models).corrections == {}, "a language that is none: the entry says nothing"
    found = read(newer | {"lang": "kz"}, manifest=found.models)
    assert found.models[0].language == "kk"
    assert found.corrections[OURS.name] == (
        f"size 60000000 instead of 59697294, MD5 {'0' * 32} instead of {KAZAKH['md5']}, obsolete"
    )


@pytest.mark.parametrize(
    "useless",
    [
        {**KAZAKH, "name": "../../etc/passwd"},
        {**KAZAKH, "name": "vosk-model-spk-0.4", "lang": "all", "type": "spk"},
        {**KAZAKH, "lang": "klingon"},
        {"lang": "pl"},
        "text",
        None,
    ],
)
def test_what_cannot_be_used_is_passed_over(useless: object) -> None:
    assert [one.name for one in read(useless, KAZAKH | {"name": "other"}).models] == ["other"]
    with pytest.raises(FetchError, match="names no model of speech"):
        read(useless)


@pytest.mark.parametrize(
    ("field", "value"),
    [("md5", "x"), ("md5", None), ("size", "57.7MiB"), ("size", None), ("size", -5), ("url", "file:///etc/passwd"), ("url", "")],
)
def test_a_value_that_says_nothing_leaves_the_manifests(field: str, value: object) -> None:
    known = read(KAZAKH, manifest=(OURS,)).models
    found = read(KAZAKH | {field: value}, manifest=known)
    assert found.models == known
    assert found.corrections == {}


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))


@given(st.binary() | st.lists(JSON | st.fixed_dictionaries(dict.fromkeys(KAZAKH, JSON))).map(lambda x: json.dumps(x).encode()))
def test_no_list_raises_anything_else(data: bytes) -> None:
    try:
        found = offer((OURS,), data, "list")
    except FetchError:
        return
    assert found.models[0].name == OURS.name
