"""An array from Python as samples: checked, and integers scaled to full scale 1.0."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from morphsep.dsp import Signal

MIN_RATE, MAX_RATE = 8_000, 192_000
"""Hz."""
MAX_PEAK = 1_000.0
"""Largest sample of a floating-point array: beyond +60 dBFS they are integers that were cast."""
SCALED = ("i2", "i4")
"""Integer types whose full scale is known: that of the type. (soundfile reads 24 bits as int32.)"""


def checked_samples(audio: npt.ArrayLike, channels: tuple[int, int] | None = None) -> Signal:
    """``audio`` as float32 of its own, full scale 1.0, ``[T]`` or ``[C, T]`` as it is.

    Args:
        audio: ``[T]`` or ``[C, T]``, floating-point, int16 or int32.
        channels: the two channels to take, as of files.

    Raises:
        SettingError: another shape or type, too many channels, no samples, NaN or infinity, or
            numbers that cannot be samples of full scale 1.0.
    """
    import numpy as np

    given = _array(audio)
    _check_type(given.dtype)
    _check_shape(given.shape, channels)
    given = _picked(given, channels)
    if _is_scaled(given.dtype):
        return np.asarray(given / -float(np.iinfo(given.dtype.str).min), np.float32)
    _check_numbers(given)
    return np.array(given, np.float32)


def checked_sample_rate(sample_rate: Any) -> int:
    """``sample_rate`` in Hz as an int. Raises SettingError unless it is a whole number in range."""
    is_number = isinstance(sample_rate, Real)
    if not is_number or isinstance(sample_rate, bool) or float(sample_rate) % 1 != 0:
        raise SettingError(
            f"sample_rate is {sample_rate!r}; give a whole number of Hz, such as 44100"
        )
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise SettingError(
            f"sample_rate is {sample_rate:g} Hz; morphsep takes {MIN_RATE} to {MAX_RATE} Hz"
        )
    return int(sample_rate)


def _array(audio: npt.ArrayLike) -> npt.NDArray[Any]:
    import numpy as np

    try:
        return np.asarray(audio)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors elsewhere
        raise SettingError(
            f"audio cannot be taken as an array ({error}); give a NumPy array [T] or [C, T]"
        ) from error


def _is_scaled(dtype: np.dtype[Any]) -> bool:
    return dtype.str[1:] in SCALED  # in either byte order


def _check_type(dtype: np.dtype[Any]) -> None:
    if _is_scaled(dtype) or dtype.kind == "f":
        return
    if dtype.str[1:] == "u1":
        remedy = "if it holds samples of 8 bits, give (audio.astype('float32') - 128) / 128"
    elif dtype.kind in "iu":
        remedy = (
            "its full scale is not known: give floating-point samples within -1 to 1, "
            "or int16 or int32"
        )
    else:
        remedy = "give floating-point samples within -1 to 1, or int16 or int32"
    raise SettingError(f"audio has the type {dtype}; {remedy}")


def _check_shape(shape: tuple[int, ...], channels: tuple[int, int] | None) -> None:
    if len(shape) not in (1, 2):
        raise SettingError(f"audio has {len(shape)} axes {shape}; give [T] or [C, T]")
    if 0 in shape:
        raise SettingError(f"audio has the shape {shape}: there are no samples in it")
    if len(shape) == 1:
        return
    num_channels, num_samples = shape
    if num_channels > max(2, num_samples):
        raise SettingError(
            f"audio has the shape {shape}, which would be {num_channels} channels of {num_samples} "
            f"samples; if it is [T, C], as soundfile reads it, give audio.T"
        )
    if num_channels > 2 and channels is None:
        raise SettingError(
            f"audio has {num_channels} channels; morphsep takes one or two: "
            "pick two, such as channels=(0, 1)"
        )


def _picked(audio: npt.NDArray[Any], channels: tuple[int, int] | None) -> npt.NDArray[Any]:
    from morphsep.audio import channels_taken

    taken = channels_taken(len(audio), channels) if audio.ndim == 2 else None
    if taken is None:
        return audio
    if not all(0 <= channel < len(audio) for channel in taken):
        raise SettingError(
            f"audio has {len(audio)} channels, so channels must lie in 0 to {len(audio) - 1}, "
            f"not {taken}"
        )
    return audio[list(taken)]


def _check_numbers(samples: npt.NDArray[Any]) -> None:
    import numpy as np

    if not np.isfinite(samples).all():
        raise SettingError("audio holds NaN or infinite samples; repair them first")
    peak = float(np.abs(samples).max())
    if peak > MAX_PEAK:
        raise SettingError(
            f"audio peaks at {peak:g}, and full scale is 1.0; "
            "if it was made from integers, give those, or divide by their full scale"
        )
