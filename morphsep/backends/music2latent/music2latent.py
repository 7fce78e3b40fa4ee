"""Morphs in the latent space of Music2Latent, as in "Guitar Tone Morphing by Diffusion-based Model"
(arXiv 2510.07908), on whole songs.

Both tones are encoded, each latent frame moves along the arc between them, and the result is
decoded. Latent frames lie on the *song's* multiples of 4096 samples, and a frame's noise is a
function of its number: two overlapping chunks start from the same noise where they overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.backends.ends import both_contexts
from morphsep.backends.music2latent.batches import Batches, Run
from morphsep.backends.music2latent.passage import NEAR_END, FramedPassage, whole_frames
from morphsep.backends.music2latent.path import Ends, LatentPath
from morphsep.backends.music2latent.spectra import BINS, LATENT_HOP, PER_LATENT
from morphsep.dsp import Signal, excerpts, from_db, gaussian
from morphsep.errors import SettingError
from morphsep.tones import Tone, ToneTraits

if TYPE_CHECKING:
    from morphsep.backends.music2latent.model import Codec

CONTEXT = 8 * LATENT_HOP
"""Samples on each side that are decoded and dropped, 0.74 s."""
CHOICES = {
    "angle": ("track", "frame"),
    "interpolation": ("slerp", "lerp"),
    "adain": ("auto", "always", "never"),
    "noise": ("shared", "separate"),
    "precision": ("full", "half"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Music2Latent:
    """Encode, interpolate, decode, with the network of the package ``music2latent``.

    Where the amount is 0 or 1, a tone that plays the stem's notes is used as it is, not decoded
    (unless `paper_faithful`). Towards a recording of other notes the amount 1 is decoded: there is
    no rendering of the stem that it could equal.

    Raises:
        SettingError: a setting is invalid.
    """

    weights: str = ""
    """Empty: the published weights, fetched at the first use; else a .pt or .safetensors file or
    its folder."""
    angle: str = "track"
    """One angle for the whole track, as in the paper, or one for each latent frame."""
    interpolation: str = "slerp"
    adain: str = "auto"
    """Statistics of latent channels. auto: a recording of other notes lends its own to the stem.
    always: latents between two tones also get statistics between theirs. never: even of such a
    recording only the rendering counts."""
    noise: str = "shared"
    """Whether left and right are decoded from the same noise, which keeps the centre in the centre,
    or from separate noise, as in the package."""
    paper_faithful: bool = False
    """Decodes the ends too, and treats ``adain`` auto as always."""
    precision: str = "full"
    """half: float16 decoding on a GPU; no effect elsewhere."""
    batch: int = 2
    """Chunks at once. On a CPU two of their channels are decoded side by side: 1.7 GB each for 8 s,
    and 0.9 GB for the network."""
    device: str = "auto"
    seed: int = 0
    offline: bool = False

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise SettingError(
                    f"{name} of music2latent is {' or '.join(known)}, not {getattr(self, name)!r}."
                )
        if self.batch < 1:
            raise SettingError(f"batch must be at least 1, not {self.batch}.")

    @property
    def name(self) -> str:
        return "music2latent"

    @property
    def description(self) -> str:
        return "The paper's morph: along the arc between two tones in Music2Latent's latent space."

    @property
    def licence(self) -> str:
        return "CC-BY-NC-4.0"

    @property
    def uniform(self) -> bool:
        """False: decoding 70 more passages of each track takes too long."""
        return False

    def fingerprint(self) -> str:
        from morphsep.backends.music2latent.weights import hash_of

        ends = "decoded" if self.paper_faithful else f"near={NEAR_END:g}"
        return (
            f"music2latent/1 {hash_of(self.weights, self.offline)} {self.interpolation} "
            f"angle={self.angle} adain={self._adain} noise={self.noise} seed={self.seed} "
            f"{self.precision} ends={ends} context={CONTEXT}"
        )

    def fetch(self) -> None:
        """
        Raises:
            SettingError: the weights are missing or cannot be fetched.
        """
        from morphsep.backends.music2latent.weights import resolve

        resolve(self.weights, self.offline)

    def context(self, source: Tone, target: Tone) -> tuple[int, int]:
        before, after = both_contexts(source, target)
        return before + CONTEXT, after + CONTEXT

    def measure(self, passages: Sequence[Passage]) -> dict[str, Any]:
        """The angle and the statistics of both tones, once for a track."""
        if not passages:
            return {}
        framed = [self._framed(each) for each in passages]
        return self._ends(passages[0], self._encoded(framed)).to_json()

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        """Each passage morphed. A passage without ``facts`` is measured by itself, as `measure`
        does for a track."""
        framed = [self._framed(each) for each in passages]
        exact = [None if self.paper_faithful else each.exactly() for each in framed]
        todo = [each for each, end in zip(framed, exact, strict=True) if end is None]
        morphed = iter(self._morphed(todo))
        return [next(morphed) if end is None else end for end in exact]

    def _morphed(self, framed: Sequence[FramedPassage]) -> list[Signal]:
        path = LatentPath(
            interpolation=self.interpolation, angle=self.angle, adain=self._adain == "always"
        )
        latents = []
        for each, (source, target) in zip(framed, self._encoded(framed), strict=True):
            passage = each.passage
            ends = (
                Ends.from_json(passage.facts)
                if passage.facts
                else self._ends(passage, [(source, target)])
            )
            latents.append(path(source, target, each.amounts, ends))
        whole = [
            each.whole(decoded)
            for each, decoded in zip(framed, self._decoded(framed, latents), strict=True)
        ]
        if self.paper_faithful:
            return whole
        return [each.with_ends(sound) for each, sound in zip(framed, whole, strict=True)]

    @property
    def _adain(self) -> str:
        return "always" if self.paper_faithful and self.adain == "auto" else self.adain

    def _framed(self, passage: Passage) -> FramedPassage:
        source, target = (
            ToneTraits.of(tone).reference is not None and self.adain != "never"
            for tone in (passage.source_tone, passage.target_tone)
        )
        return FramedPassage(passage=passage, lends=(source, target))

    def _ends(self, passage: Passage, latents: Sequence[tuple[Signal, Signal]]) -> Ends:
        """The ends from latents of excerpts of the track that `passage` belongs to."""
        framed = self._framed(passage)
        tones = passage.source_tone, passage.target_tone
        source, target = (
            self._lent_by(ToneTraits.of(tone).reference, passage) if lends else []
            for tone, lends in zip(tones, framed.lends, strict=True)
        )
        return Ends.of(latents, (source, target))

    def _lent_by(self, recording: Any, passage: Passage) -> list[Signal]:
        """Latents ``[C, D, N]`` of eight excerpts of a recording, as loud as the stem."""
        louder = passage.level - recording.lufs
        gain = np.float32(from_db(louder)) if np.isfinite(louder) else np.float32(1)
        found = excerpts(recording.read, recording.num_samples, recording.rms_per_second)
        sounds = [(gain * whole_frames(sound),) for sound, _ in found]
        return self._run(self._codec().encode, sounds, passage)

    def _encoded(self, framed: Sequence[FramedPassage]) -> list[tuple[Signal, Signal]]:
        """Latents ``[C', D, N]`` of both ends' sounds."""
        if not framed:
            return []
        sounds = [(each.seen(end),) for each in framed for end in each.ends]
        latents = self._run(self._codec().encode, sounds, framed[0].passage)
        return list(zip(latents[::2], latents[1::2], strict=True))

    def _decoded(self, framed: Sequence[FramedPassage], latents: Sequence[Signal]) -> list[Signal]:
        """``[C', 4096 n + 1536]`` of each ``[C', D, n]``."""
        if not framed:
            return []
        items = [
            (each, self._noise(passage.frames, each.shape[0]))
            for passage, each in zip(framed, latents, strict=True)
        ]
        return self._run(self._codec().decode, items, framed[0].passage)

    def _noise(self, frames: range, num_channels: int) -> Signal:
        """``[C', 2, 1024, 8 n]``, a function of the seed, the song's frame and the channel."""
        shape = 2, BINS, PER_LATENT
        channels = range(1 if self.noise == "shared" else num_channels)
        noise = np.stack(
            [np.concatenate(list(gaussian(self.seed, c, frames, shape)), axis=-1) for c in channels]
        )
        return np.broadcast_to(noise, (num_channels, *noise.shape[1:]))

    def _codec(self) -> Codec:
        from morphsep.backends.music2latent.model import codec
        from morphsep.backends.music2latent.weights import hash_of, resolve
        from morphsep.models import device

        path = resolve(self.weights, self.offline)
        half = self.precision == "half"
        return codec(path, hash_of(self.weights, self.offline), device(self.device), half)

    def _run(self, run: Run, items: Sequence[tuple[Signal, ...]], passage: Passage) -> list[Signal]:
        codec = self._codec()
        size, lanes = self.batch * passage.stem.shape[0], 1
        if codec.device.type == "cpu":
            # one by one but side by side: batches round differently and gain nothing
            size, lanes = 1, min(self.batch * passage.stem.shape[0], codec.lanes)
        batches = Batches(size=min(size, codec.fits), lanes=lanes, warn=passage.warn)
        results = batches.run(run, items)
        if (batches.size, batches.lanes) != (min(size, codec.fits), lanes):
            codec.fits, codec.lanes = batches.size, batches.lanes
        return results
