"""From a stem to rows: its clips through all that a recipe asks for."""

from morphsep.dataset.rendering.ladder import ladder_recipe
from morphsep.dataset.rendering.quality import REASONS
from morphsep.dataset.rendering.rendered import Rendered
from morphsep.dataset.rendering.renderers import renderers
from morphsep.dataset.rendering.rows import Row, RowMaker
from morphsep.dataset.rendering.take import Take

__all__ = ["REASONS", "Rendered", "Row", "RowMaker", "Take", "ladder_recipe", "renderers"]
