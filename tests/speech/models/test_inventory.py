"""Models: the right one for a language, and none that is damaged."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cc_voice.config.settings import ModelSize
from cc_voice.speech.errors import ModelError
from cc_voice.speech.models.inventory import RECORD, ModelInfo, catalogue, check, choose, installed, ranked, stamps, survey


def model(name: str, language: str, test_only: bool = False) -> ModelInfo:
    return ModelInfo(name=name, language=language, path=Path(name), test_only=test_only, small="small" in name)


MINI = model("mini", "en", test_only=True)
US_BIG, US_SMALL, GB = model("us-big", "en-US"), model("us-small", "en-US"), model("gb", "en-GB")
ES, ZH = model("es", "es"), model("zh", "zh-CN")


@pytest.mark.parametrize(
    ("models", "language", "expected"),
    [
        ((), "en", None),
        ((US_BIG, GB), "en-GB", GB),
        ((US_BIG, GB), "en-gb", GB),
        ((US_BIG, GB), "en-AU", US_BIG),
        ((US_BIG, US_SMALL), "en", US_BIG),
        ((ES, ZH), "es-MX", ES),
        ((ES, ZH), "zh", ZH),
        ((ES, ZH), "e", None),
        ((ES,), "est", None),
        ((MINI,), "en", None),
        ((MINI, US_SMALL), "en", US_SMALL),
    ],
)
def test_a_language_finds_its_model(models: tuple[ModelInfo, ...], language: str, expected: ModelInfo | None) -> None:
    assert choose(models, language) is expected


def test_a_test_model_serves_only_where_allowed_and_nothing_better_is_there() -> None:
    assert choose((MINI,), "en-US") is None
    assert choose((MINI,), "en-US", allow_test_model=True) is MINI
    assert choose((MINI, US_SMALL), "en", allow_test_model=True) is US_SMALL


@pytest.mark.parametrize(
    ("prefer", "language", "expected"),
    [
        ("large", "en-US", [US_BIG, US_SMALL, GB]),
        ("small", "en-US", [US_SMALL, US_BIG, GB]),
        ("small", "en-GB", [GB, US_SMALL, US_BIG]),
        ("small", "es", [ES]),
    ],
)
def test_the_preferred_size_serves_and_the_others_stand_by(prefer: ModelSize, language: str, expected: list[ModelInfo]) -> None:
    models = (US_BIG, US_SMALL, GB, ES, MINI)
    assert ranked(models, language, prefer=prefer) == expected
    assert choose(models, language, prefer=prefer) is expected[0]


def test_the_manifest_tells_small_models_from_large() -> None:
    sizes = {one.name: one.small for one in catalogue() if one.language == "en-US"}
    assert sizes == {"vosk-model-en-us-0.22": False, "vosk-model-en-us-0.22-lgraph": False, "vosk-model-small-en-us-0.15": True}


def test_a_folder_that_says_nothing_sensible_does_not_hide_the_others(tmp_path: Path, test_model: ModelInfo) -> None:
    for name in ("our-fi", "our-sv", "our-da", ".incoming"):
        shutil.copytree(test_model.path, tmp_path / name)
        (tmp_path / name / "model.toml").write_text(f'language = "{name[-2:]}"\nsample_rate_hz = 8000\n')
    (tmp_path / "our-sv" / "model.toml").write_text("language = [")
    (tmp_path / "our-da" / RECORD).write_text("{}")
    found = survey(tmp_path)
    assert [one.name for one in found.models if not one.test_only] == ["our-fi"]
    assert [one.name for one in found.problems] == ["our-da", "our-sv"]
    assert all(one.name in one.reason for one in found.problems)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; run as another account")
def test_a_model_of_another_account_is_told_and_does_not_hide_the_others(tmp_path: Path, test_model: ModelInfo) -> None:
    shutil.copytree(test_model.path, tmp_path / "our-fi")
    (tmp_path / "vosk-model-es-0.42").mkdir(mode=0)
    (tmp_path / "our-sv").mkdir(mode=0)
    found = survey(tmp_path)
    assert [one.name for one in found.models if one.path.parent == tmp_path] == ["our-fi"]
    assert sorted(one.name for one in found.problems) == ["our-sv", "vosk-model-es-0.42"]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "graph/words.txt").write_bytes(b"other"),
        lambda folder: (folder / "graph/more").touch(),
        lambda folder: (folder / "graph/words.txt").unlink(),
        lambda folder: folder.rename(folder.with_name("renamed")),
        lambda folder: shutil.rmtree(folder),
        lambda folder: shutil.copytree(folder, folder.with_name("second")),
    ],
)
def test_stamps_tell_every_change(tmp_path: Path, test_model: ModelInfo, change: Callable[[Path], object]) -> None:
    shutil.copytree(test_model.path, tmp_path / "our-fi")
    before = stamps(tmp_path)
    (tmp_path / ".incoming").mkdir()
    (tmp_path / ".incoming" / "part").touch()
    assert stamps(tmp_path) == before
    change(tmp_path / "our-fi")
    assert stamps(tmp_path) != before


def test_no_folder_has_no_stamps(tmp_path: Path) -> None:
    assert stamps(None) == stamps(tmp_path / "absent") == ()


def test_the_shipped_models_are_whole_and_for_tests_only() -> None:
    shipped = [one for one in installed(None) if one.test_only]
    assert [one.language for one in shipped] == ["en", "es"]
    for one in shipped:
        check(one)
        assert choose(installed(None), one.language) is None


def test_the_language_of_a_model_of_the_site_has_one_spelling(tmp_path: Path, test_model: ModelInfo) -> None:
    for name, language in (("own-tagalog", "tl_PH"), ("own-nothing", "klingon")):
        shutil.copytree(test_model.path, tmp_path / name)
        (tmp_path / name / "model.toml").write_text(f'language = "{language}"\n')
    found = survey(tmp_path)
    assert [(one.language, one.sample_rate_hz) for one in found.models if one.name.startswith("own")] == [("fil-PH", 8000)]
    assert choose(found.models, "fil") is not None
    assert [one.name for one in found.problems] == ["own-nothing"]
    assert "'klingon' is no language tag" in found.problems[0].reason


def test_an_installed_model_is_found_by_its_folder_name(tmp_path: Path, test_model: ModelInfo) -> None:
    shutil.copytree(test_model.path, tmp_path / "vosk-model-small-es-0.42")
    (tmp_path / "notes").mkdir()
    (tmp_path / "readme.txt").write_text("not a model")
    found = choose(installed(tmp_path), "es-ES")
    assert found is not None
    assert (found.name, found.language, found.sample_rate_hz) == ("vosk-model-small-es-0.42", "es", 8000)


def test_a_model_of_the_site_describes_itself(tmp_path: Path, test_model: ModelInfo) -> None:
    shutil.copytree(test_model.path, tmp_path / "our-fi")
    (tmp_path / "our-fi" / "model.toml").write_text('language = "fi"\nsample_rate_hz = 8000\n')
    found = choose(installed(tmp_path), "fi")
    assert found == ModelInfo(name="our-fi", language="fi", path=tmp_path / "our-fi", sample_rate_hz=8000, takes_grammars=True)
    check(found)


def test_a_missing_folder_of_models_means_no_models(tmp_path: Path) -> None:
    assert installed(tmp_path / "absent") == installed(None)


@pytest.mark.parametrize(("content", "message"), [("language = ", "not|cannot be used"), ("sample_rate_hz = 8000", "language")])
def test_an_unreadable_description_names_the_file(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "model.toml").write_text(content)
    with pytest.raises(ModelError, match=message):
        installed(tmp_path)


def test_a_missing_manifest_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest\.toml: No such file"):
        installed(None, shipped=tmp_path)


@pytest.fixture
def damaged(tmp_path: Path, test_model: ModelInfo) -> Callable[[Callable[[Path], object]], ModelInfo]:
    """Copy the model, damage the copy, and describe it without checksums as an unlisted model is."""

    def make(damage: Callable[[Path], object]) -> ModelInfo:
        folder = tmp_path / "copy"
        shutil.copytree(test_model.path, folder)
        damage(folder)
        return ModelInfo(name="copy", language="en", path=folder, sample_rate_hz=8000)

    return make


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def fewer_lines(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:60])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "is not at"),
        (lambda folder: (folder / "am/final.mdl").unlink(), r"lacks am/final\.mdl"),
        (lambda folder: (folder / "conf/model.conf").unlink(), r"lacks conf/model\.conf"),
        (lambda folder: (folder / "graph/Gr.fst").unlink(), r"lacks graph/Gr\.fst"),
        (lambda folder: (folder / "graph/HCLr.fst").write_bytes(b""), r"HCLr\.fst or it is empty"),
        (edit("graph/words.txt", half), r"damaged words\.txt"),
        (edit("graph/words.txt", lambda data: data + b"twice 5\n"), "two words of one number"),
        (edit("graph/words.txt", lambda data: data.replace(b" 7\n", b"\n")), r"damaged words\.txt"),
        (edit("graph/phones/word_boundary.int", fewer_lines), r"word_boundary\.int of another model"),
        (edit("graph/phones/word_boundary.int", lambda data: data.replace(b"begin", b"start")), r"damaged word_boundary\.int"),
        (
            edit("conf/mfcc.conf", lambda data: data.replace(b"8000", b"16000")),
            r"listed with 8000 Hz but its mfcc\.conf says 16000 Hz",
        ),
        (edit("conf/mfcc.conf", lambda data: data.replace(b"=8000", b"=often")), "says 0 Hz"),
    ],
)
def test_damage_is_found_before_vosk_sees_it(
    damaged: Callable[[Callable[[Path], object]], ModelInfo], damage: Callable[[Path], object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        check(damaged(damage))


def test_a_whole_copy_passes(damaged: Callable[[Callable[[Path], object]], ModelInfo]) -> None:
    check(damaged(lambda folder: None))


def test_a_model_without_word_boundaries_is_allowed(damaged: Callable[[Callable[[Path], object]], ModelInfo]) -> None:
    check(damaged(lambda folder: (folder / "graph/phones/word_boundary.int").unlink()))


def test_the_old_layout_is_allowed(tmp_path: Path, test_model: ModelInfo) -> None:
    for name in ("am/final.mdl", "conf/mfcc.conf", "graph/words.txt", "graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int"):
        shutil.copy(test_model.path / name, tmp_path)
    check(ModelInfo(name="old", language="en", path=tmp_path, sample_rate_hz=8000))


def test_checksums_find_what_structure_cannot(
    damaged: Callable[[Callable[[Path], object]], ModelInfo], test_model: ModelInfo
) -> None:
    flipped = edit("am/final.mdl", lambda data: data[:-500] + bytes(500))
    info = damaged(flipped)
    check(info)
    listed = ModelInfo(name="copy", language="en", path=info.path, sample_rate_hz=8000, files=test_model.files)
    with pytest.raises(ModelError, match=r"damaged am/final\.mdl"):
        check(listed)
    absent = {"graph/more.fst": hashlib.sha256(b"").hexdigest()}
    with pytest.raises(ModelError, match=r"lacks graph/more\.fst"):
        check(ModelInfo(name="copy", language="en", path=info.path, sample_rate_hz=8000, files=absent))


@pytest.mark.parametrize("rate_hz", [0, 4, 96000])
def test_an_absurd_rate_is_refused(test_model: ModelInfo, rate_hz: int) -> None:
    with pytest.raises(ModelError, match="between 8000 and 48000"):
        check(ModelInfo(name="odd", language="en", path=test_model.path, sample_rate_hz=rate_hz))
