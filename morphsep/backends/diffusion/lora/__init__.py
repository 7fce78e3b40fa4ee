"""LoRA adapters for the backend `diffusion`: read and mixed into a U-Net.

    read_adapter                  an adapter's folder (adapter)
    attach, mix, detach           adapters in a U-Net (injection)

They are made by `morphsep.backends.diffusion.training`. The method is that of SoundMorpher
(arXiv 2410.02144) with the variants of arXiv 2510.07908. Nothing here loads torch, diffusers or
peft before it is called.
"""

from morphsep.backends.diffusion.lora.adapter import (
    ENDS,
    INDEX,
    TONES,
    Adapter,
    Base,
    Lora,
    read_adapter,
)

__all__ = ["ENDS", "INDEX", "TONES", "Adapter", "Base", "Lora", "read_adapter"]
