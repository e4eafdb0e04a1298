"""Worker plan: the number of workers, by cores and by the memory of the site's models, and what is said when that is short."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.config.languages import LanguageSettings, QueueLanguages
from cc_voice.config.settings import Settings
from cc_voice.fleet.worker_plan import LOADED_FACTOR, WORKER_MB, MemoryTooSmall, default_workers, plan
from cc_voice.speech.machine import Machine, this_machine

Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def install(site: Settings) -> Install:
    """Put a model of a size on disk that is nothing but its size: a plan reads no more of it."""

    def put(name: str, language: str, size_mb: int, *, small: bool = True) -> None:
        folder = site.installed_models_dir / name
        (folder / "graph").mkdir(parents=True)
        described = f'language = "{language}"\nsample_rate_hz = 16000\nsmall = {str(small).lower()}\nlicence = "MIT"\n'
        (folder / "model.toml").write_text(described)
        with (folder / "graph" / "HCLr.fst").open("wb") as file:
            file.truncate(size_mb * 1_000_000)

    return put


@pytest.mark.parametrize(
    ("cores", "memory_mb", "worker_mb", "expected"),
    [
        (1, 64_000.0, 250.0, 1),
        (2, 64_000.0, 250.0, 1),
        (4, 64_000.0, 800.0, 1),
        (8, 64_000.0, 800.0, 2),
        (16, 64_000.0, 800.0, 4),
        (16, 64_000.0, 10_000.0, 3),
        (16, 8_000.0, 6_000.0, 1),
        (9, None, 6_000.0, 3),
    ],
)
def test_a_worker_for_four_cores_or_as_many_as_half_of_the_memory_holds(
    cores: int, memory_mb: float | None, worker_mb: float, expected: int
) -> None:
    assert default_workers(Machine(cores, None, memory_mb), worker_mb) == expected


@given(cores=st.integers(1, 512), memory_mb=st.floats(100, 1e7), models_mb=st.floats(0, 1e5), workers=st.integers(0, 64))
def test_every_core_has_a_thread_and_no_machine_is_without_a_worker(
    cores: int, memory_mb: float, models_mb: float, workers: int
) -> None:
    made = plan(Settings(workers=workers, recogniser="none"), Machine(cores, None, memory_mb))
    assert made.workers >= 1
    assert made.workers * made.threads >= cores
    assert workers in (0, made.workers)
    counted = default_workers(Machine(cores, None, memory_mb), WORKER_MB + models_mb)
    assert counted == 1 or counted * (WORKER_MB + models_mb) <= memory_mb / 2


def test_models_of_the_sites_languages_count_once_each(site: Settings, install: Install) -> None:
    install("en-small", "en-US", 100)
    install("en-large", "en-US", 1000, small=False)
    install("ko-small", "ko", 200)
    install("fr-small", "fr", 300)
    big = Machine(8, None, 64_000.0)
    every = plan(site, big)
    assert set(every.models) == {"en-large", "ko-small", "fr-small"}
    assert every.worker_mb == pytest.approx(WORKER_MB + LOADED_FACTOR * 1500, abs=1)
    named = LanguageSettings(default="en", languages=("en", "ko"), queues=(QueueLanguages(queue="Q", languages=("ko",)),))
    two = plan(msgspec.structs.replace(site, language=named, prefer_models="small"), big)
    assert set(two.models) == {"en-small", "ko-small"}
    assert plan(msgspec.structs.replace(site, recogniser="none"), big).models == ()


def test_fewer_workers_where_memory_is_short_and_it_is_told_where_one_takes_too_much(site: Settings, install: Install) -> None:
    install("ko-large", "ko", 1000, small=False)
    assert plan(site, Machine(16, None, 32_000.0)).workers == 4
    fitting = plan(site, Machine(16, None, 10_000.0))
    assert (fitting.workers, fitting.threads, fitting.problem) == (2, 8, None)
    short = plan(site, Machine(16, None, 3000.0))
    assert short.workers == 1
    assert short.problem is not None
    assert short.problem.startswith("1 worker takes about 2250 MB with the models ko-large, and this machine has 3000 MB: install")


def test_workers_that_cannot_fit_are_refused_with_what_can_be_done(site: Settings, install: Install) -> None:
    install("ko-large", "ko", 1000, small=False)
    with pytest.raises(MemoryTooSmall, match="memory is too small: 1 worker takes about 2250 MB") as refused:
        plan(site, Machine(4, None, 2000.0))
    assert "prefer_models" in str(refused.value)
    with pytest.raises(MemoryTooSmall, match=r"4 workers take 2250 MB each, about 9000 MB .* set fewer `workers`"):
        plan(msgspec.structs.replace(site, workers=4), Machine(4, None, 8000.0))
    assert plan(msgspec.structs.replace(site, workers=3), Machine(4, None, 8000.0)).problem is not None
    without = msgspec.structs.replace(site, recogniser="none")
    assert plan(without, Machine(4, None, 200.0)).workers == 1


def test_warm_recognisers_get_a_quarter_of_the_memory_or_what_is_set(site: Settings) -> None:
    assert plan(site, Machine(16, None, 16_000.0)).warm_mb == 1000.0
    assert plan(msgspec.structs.replace(site, warm_memory_mb=700, workers=2), Machine(16, None, 16_000.0)).warm_mb == 350.0
    assert plan(msgspec.structs.replace(site, warm_memory_mb=0), Machine(16, None, 16_000.0)).warm_mb == 0.0
    assert plan(site, Machine(16, None)).warm_mb == 0.0


def test_a_folder_of_models_that_cannot_be_read_keeps_nothing_from_starting(site: Settings) -> None:
    site.installed_models_dir.write_text("no folder")
    assert plan(site, this_machine()).workers >= 1
