"""What kind of source a result is now, in the words of IPTC's NewsCodes."""

from __future__ import annotations

NEWSCODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def source_type(*, is_generated: bool) -> str:
    """The term for a recording that was changed, as a URI.

    Args:
        is_generated: whether a generative model made any part of the sound.
    """
    term = "compositeWithTrainedAlgorithmicMedia" if is_generated else "algorithmicallyEnhanced"
    return NEWSCODES + term
