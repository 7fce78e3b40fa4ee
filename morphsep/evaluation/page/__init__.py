"""A report as one file for a browser: no network, nothing beside it, sounds and pictures inside."""

from morphsep.evaluation.page.charts import chart, chart_style
from morphsep.evaluation.page.clips import clips, fitting
from morphsep.evaluation.page.html import as_page, write_report

__all__ = ["as_page", "chart", "chart_style", "clips", "fitting", "write_report"]
