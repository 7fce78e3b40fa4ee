"""Sound as bytes, for what is kept elsewhere than in files of its own."""

from __future__ import annotations

import hashlib
import io

from morphsep.audio.writer import quantise
from morphsep.dsp import Signal


def encode_flac(samples: Signal, sample_rate: int, bits: int) -> tuple[bytes, str]:
    """A FLAC of ``[C, T]``, rounded to so many bits (16 or 24) and limited to full scale.

    Returns:
        The file's bytes; and the sha256 of its samples as whoever decodes it gets them: integers of
        32 bits, the sound's at their top, little-endian, interleaved.
    """
    import soundfile

    whole = quantise(samples, bits)
    digest = hashlib.sha256(whole.astype("<i4", copy=False).data).hexdigest()
    file = io.BytesIO()
    soundfile.write(file, whole, sample_rate, format="FLAC", subtype=f"PCM_{bits}")
    return file.getvalue(), digest
