"""BS-RoFormer and MelBand-RoFormer models in the format of Music-Source-Separation-Training."""

from morphsep.separators.roformer.roformer import RoFormer

__all__ = ["RoFormer"]
