"""Amplifiers and pedals that somebody captured as networks: Neural Amp Modeler's files as tones,
GuitarML's with their knob."""

from morphsep.tones.capture.capture import Capture
from morphsep.tones.capture.device import Device, load_device

__all__ = ["Capture", "Device", "load_device"]
