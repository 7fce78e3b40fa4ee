"""Pages for a browser: one file each, no network, sounds and pictures inside.

document     -> a whole HTML document, under a policy that lets in nothing but what it holds
flac, png    sounds that every browser plays, and pictures without a library for them
mel_picture  a spectrogram
"""

from morphsep.page.png_file import png
from morphsep.page.shell import document, inline
from morphsep.page.sounds import flac, mel_picture

__all__ = ["document", "flac", "inline", "mel_picture", "png"]
