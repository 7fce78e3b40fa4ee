"""The backend `diffusion`: AudioLDM2 with no, one-sided or two-sided LoRA."""

from morphsep.backends.diffusion.diffusion import Diffusion
from morphsep.backends.diffusion.files import DEFAULT_WEIGHTS

__all__ = ["DEFAULT_WEIGHTS", "Diffusion"]
