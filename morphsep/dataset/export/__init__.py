"""A finished data set in the formats of other loaders, from the same rows."""

from morphsep.dataset.export.exporting import EXPORTS, Exported, export

__all__ = ["EXPORTS", "Exported", "export"]
