"""Neural Amp Modeler captures as tones."""

from morphsep.tones.capture.capture import Capture

__all__ = ["Capture"]
