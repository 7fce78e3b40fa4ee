"""Resumable training of LoRA adapters for the backend `diffusion`, through peft."""

from morphsep.backends.diffusion.training.loop import OnStep
from morphsep.backends.diffusion.training.recipe import PROMPT, Recipe, checked_variant
from morphsep.backends.diffusion.training.training import Running, train
from morphsep.backends.diffusion.training.writing import write_adapter

__all__ = ["PROMPT", "OnStep", "Recipe", "Running", "checked_variant", "train", "write_adapter"]
