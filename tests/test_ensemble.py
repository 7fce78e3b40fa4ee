"""The separator `ensemble`: how members are named, and that it is their weighted mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from morphsep.errors import SettingError
from morphsep.morphing.plugins import build_separator, members_of
from morphsep.request.settings import Settings
from morphsep.run.costs import MEMORY_GB, SPEED, cost_of
from morphsep.separators import Ensemble, Member, SeparatorTraits, parse_members
from morphsep.separators.harmonic import Harmonic
from morphsep.separators.none import NoSeparation
from morphsep.testing import ArrayMix, plucked
from tests.roformer_checkpoints import write_roformer

NAMES = ("demucs", "embedded", "ensemble", "harmonic", "none", "roformer", "stem")


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("demucs+embedded", [("demucs", 1.0), ("embedded", 1.0)]),
        ("demucs@2+embedded@.5", [("demucs", 2.0), ("embedded", 0.5)]),
        (
            "roformer:./a+b:guitar@3+demucs:htdemucs:other",
            [("roformer:./a+b:guitar", 3.0), ("demucs:htdemucs:other", 1.0)],
        ),
        ("roformer:./none+demucsish@2+none", [("roformer:./none+demucsish", 2.0), ("none", 1.0)]),
        ("none+harmonic+demucs", [("none", 1.0), ("harmonic", 1.0), ("demucs", 1.0)]),
        ("roformer:s3://me@host/a@1+none", [("roformer:s3://me@host/a", 1.0), ("none", 1.0)]),
    ],
)
def test_members_as_they_are_named(text: str, members: list[tuple[str, float]]) -> None:
    found = parse_members(text, NAMES)
    assert found == tuple(Member(separator=name, weight=weight) for name, weight in members)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "two separators or more"),
        ("demucs", "two separators or more"),
        ("demucs@2", "two separators or more"),
        ("demucs+nobody", "two separators or more"),
        ("demucs+stem", "stem cannot be in an ensemble"),
        ("auto+demucs", "auto cannot be in an ensemble"),
        ("demucs+ensemble:none+none", "ensemble:none cannot be in an ensemble"),
        ("demucs@0+embedded", "must be above 0"),
    ],
)
def test_what_is_no_ensemble_is_refused(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        build_separator(Settings(separator=f"ensemble:{text}"))


def test_a_member_that_cannot_work_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="No RoFormer or folder"):
        build_separator(Settings(separator=f"ensemble:none+roformer:{tmp_path / 'nothing'}"))
    options = (("num_overlap", "3"),)
    with pytest.raises(SettingError, match="num_overlap"):
        build_separator(Settings(separator="ensemble:none+harmonic", separator_options=options))


def test_it_is_the_weighted_mean_wherever_it_is_cut(tmp_path: Path) -> None:
    folder = write_roformer(tmp_path)
    mix = ArrayMix(np.stack([plucked(40_000, seed) for seed in (0, 1)]))
    names = (f"roformer:{folder}", "harmonic")
    stems = [
        build_separator(Settings(separator=name)).separate(mix, 0, mix.num_samples)
        for name in names
    ]
    separator = build_separator(Settings(separator=f"ensemble:{names[0]}@3+{names[1]}@1"))
    whole = separator.separate(mix, 0, mix.num_samples)
    np.testing.assert_allclose(whole, 0.75 * stems[0] + 0.25 * stems[1], rtol=0, atol=1e-6)
    pieces = [separator.separate(mix, a, b) for a, b in ((0, 12_345), (12_345, 40_000))]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)


def test_key_and_licence_are_those_of_the_members(tmp_path: Path) -> None:
    roformer = f"roformer:{write_roformer(tmp_path)}"

    def built(text: str) -> Ensemble:
        separator = build_separator(Settings(separator=f"ensemble:{text}"))
        assert isinstance(separator, Ensemble)
        return separator

    texts = (f"{roformer}+harmonic", f"{roformer}@2+harmonic", f"{roformer}:bass+harmonic")
    prints = {built(text).fingerprint() for text in texts}
    assert len(prints) == 3
    assert built(f"{roformer}@2+harmonic@2").fingerprint() in prints
    both = built(f"{roformer}+embedded")
    assert both.weights_hash != built(f"{roformer}+harmonic").weights_hash
    assert both.weights_licence.startswith("not known to morphsep")
    assert both.weights_licence.endswith("; embedded: Apache-2.0")
    nothing = Ensemble([(NoSeparation(), 1.0), (Harmonic(), 1.0)])
    assert (nothing.weights_hash, nothing.weights_licence) == (None, None)


def test_a_separator_says_what_it_is_or_the_defaults_hold() -> None:
    plain = SeparatorTraits(Harmonic())
    assert (plain.exact, plain.weights_licence) == (False, None)
    assert SeparatorTraits(NoSeparation()).exact

    class Unread(Harmonic):
        @property
        def weights_licence(self) -> str:
            raise AssertionError("weights may not be here where something else is asked for")

    assert not SeparatorTraits(Unread()).exact


def test_a_plan_knows_the_cost_of_every_separator() -> None:
    """Of an ensemble it is that of its members; auto becomes one of the others."""
    from morphsep.request.registry import plugin_names

    shipped = set(plugin_names("separator")) - {"ensemble", "auto"}
    assert shipped <= set(SPEED)
    assert {"demucs", "roformer", "embedded"} <= set(MEMORY_GB)


def test_a_plan_counts_all_members(tmp_path: Path) -> None:
    from morphsep import audio
    from morphsep.request.inputs import collect
    from morphsep.request.settings import make_settings
    from tests import songs

    assert members_of("demucs:htdemucs") == ("demucs:htdemucs",)
    song = songs.song(tmp_path, 2.0)
    settings = make_settings(to="fuzz", separator="ensemble:embedded+harmonic")
    (job,) = collect([str(song)], tmp_path / "out", settings)
    cost = cost_of(job, audio.probe(str(song)), 1000, "separate")
    wanted = cost.duration / SPEED["embedded"] + cost.duration / SPEED["harmonic"]
    assert cost.seconds["ensemble"] == pytest.approx(wanted)
    assert cost.memory_gb == MEMORY_GB["embedded"] + MEMORY_GB["harmonic"]
    measured = cost_of(job, audio.probe(str(song)), 1000, "separate", SPEED | {"ensemble": 2.0})
    assert measured.seconds["ensemble"] == pytest.approx(cost.duration / 2)
