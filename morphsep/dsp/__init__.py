"""Pure signal maths: arrays in, arrays out; no files, no settings."""

from morphsep.dsp.array_reader import ArrayInfo, ArrayReader
from morphsep.dsp.band_power import POWER_HOP, band_powers
from morphsep.dsp.bands import Bands, erb_bands
from morphsep.dsp.excerpting import excerpt_spans, excerpts
from morphsep.dsp.grid import Grid, Span, samples, sections
from morphsep.dsp.interpolate import adain, angle_between, angles_between, arc, lerp, slerp
from morphsep.dsp.jit import compiled
from morphsep.dsp.loudness import LoudnessMeter, TruePeakMeter, rms_per_second
from morphsep.dsp.mel_position import (
    RANGE_DB,
    MelPositions,
    log_mel,
    mel,
    mel_filters,
    mel_power,
    position_between,
)
from morphsep.dsp.moments import Moments
from morphsep.dsp.noise import gaussian
from morphsep.dsp.octaves import in_octaves, octave_around
from morphsep.dsp.polyphase import Polyphase, can_stream
from morphsep.dsp.resample import (
    CONTEXT,
    GridResampler,
    ModelRateReader,
    Reader,
    RecordingInfo,
    model_length,
    to_rate,
)
from morphsep.dsp.room_decay import Decay, decay, decay_curve, reverberation_time
from morphsep.dsp.separation_scores import si_sdr, si_sdr_improvement
from morphsep.dsp.signal import MODEL_RATE, SILENT, Seconds, Signal, dbfs, from_db, rms_dbfs
from morphsep.dsp.stft import FrameGrid, Spectrum, hann, power
from morphsep.dsp.stitching import SeamScore, seam_score, stitch
from morphsep.dsp.sum_loudness import SumLoudness
from morphsep.dsp.trail import LONGEST, Trail

__all__ = [
    "CONTEXT",
    "LONGEST",
    "MODEL_RATE",
    "POWER_HOP",
    "RANGE_DB",
    "SILENT",
    "ArrayInfo",
    "ArrayReader",
    "Bands",
    "Decay",
    "FrameGrid",
    "Grid",
    "GridResampler",
    "LoudnessMeter",
    "MelPositions",
    "ModelRateReader",
    "Moments",
    "Polyphase",
    "Reader",
    "RecordingInfo",
    "SeamScore",
    "Seconds",
    "Signal",
    "Span",
    "Spectrum",
    "SumLoudness",
    "Trail",
    "TruePeakMeter",
    "adain",
    "angle_between",
    "angles_between",
    "arc",
    "band_powers",
    "can_stream",
    "compiled",
    "dbfs",
    "decay",
    "decay_curve",
    "erb_bands",
    "excerpt_spans",
    "excerpts",
    "from_db",
    "gaussian",
    "hann",
    "in_octaves",
    "lerp",
    "log_mel",
    "mel",
    "mel_filters",
    "mel_power",
    "model_length",
    "octave_around",
    "position_between",
    "power",
    "reverberation_time",
    "rms_dbfs",
    "rms_per_second",
    "samples",
    "seam_score",
    "sections",
    "si_sdr",
    "si_sdr_improvement",
    "slerp",
    "stitch",
    "to_rate",
]
