"""LoRA adapters for the backend `diffusion`: trained (through peft), kept, read, mixed.

    Recipe                        what to train and how (recipe)
    train                         a pair of clips -> an adapter folder (training)
    read_adapter, write_adapter   the folder (adapter, writing)
    attach, mix, detach           adapters in a U-Net (injection)

The method is that of SoundMorpher (arXiv 2410.02144) with the variants of arXiv 2510.07908. Nothing
here loads torch, diffusers or peft before it is called.
"""

from morphsep.lora.adapter import Adapter, Base, Lora, read_adapter
from morphsep.lora.recipe import Recipe
from morphsep.lora.writing import write_adapter

__all__ = ["Adapter", "Base", "Lora", "Recipe", "read_adapter", "write_adapter"]
