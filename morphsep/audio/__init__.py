"""Audio files: probe, read spans, write. float32 ``[C, T]``, full scale = 1.0, native rate.

    probe -> AudioInfo          what a file is, or a TrackError that says what to do
    AudioReader, blocks         samples of a file, at any position or from start to end
    decode_to                   lossy and ffmpeg-only files, once, to a float WAV
    output_format, AudioWriter  a result, in the input's own format, complete or not at all

soundfile (libsndfile) does the work and is imported only when a file is opened.
"""

from morphsep.audio.counting import count_samples, seconds_by_ffmpeg
from morphsep.audio.decode import decode_to
from morphsep.audio.foreign import has_ffmpeg
from morphsep.audio.formats import (
    SUBTYPES,
    OutputFormat,
    check_format,
    fits_name,
    format_of,
    output_format,
)
from morphsep.audio.in_memory import encode_flac
from morphsep.audio.info import AudioInfo, check_length
from morphsep.audio.probe import probe, probe_open
from morphsep.audio.reader import AudioReader, blocks, channels_taken
from morphsep.audio.tags import CopiedTags, Origin, missing_tags, timed_tags
from morphsep.audio.writer import AudioWriter

__all__ = [
    "SUBTYPES",
    "AudioInfo",
    "AudioReader",
    "AudioWriter",
    "CopiedTags",
    "Origin",
    "OutputFormat",
    "blocks",
    "channels_taken",
    "check_format",
    "check_length",
    "count_samples",
    "decode_to",
    "encode_flac",
    "fits_name",
    "format_of",
    "has_ffmpeg",
    "missing_tags",
    "output_format",
    "probe",
    "probe_open",
    "seconds_by_ffmpeg",
    "timed_tags",
]
