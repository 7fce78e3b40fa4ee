"""A request: what a user asks for, checked before anything is touched."""

from morphsep.request.amount import Amount, Curve, parse_amount, parse_curve, parse_time
from morphsep.request.arrays import checked_sample_rate, checked_samples
from morphsep.request.following import Following, parse_following
from morphsep.request.inputs import collect
from morphsep.request.job import Command, Job, backing_of
from morphsep.request.list_rows import ListRow, read_list
from morphsep.request.lists import SOURCE_COLUMNS
from morphsep.request.named_files import with_local_files
from morphsep.request.option import BACKEND_OPTIONS, Option
from morphsep.request.packed_files import pack, pack_file, unpack, unpack_file
from morphsep.request.refusals import check_apart
from morphsep.request.registry import (
    describe_plugins,
    has_option,
    load_plugin,
    plugin_names,
    plugin_options,
)
from morphsep.request.restoration import (
    ALL_STEPS,
    STEPS,
    TIMBRE,
    Restoration,
    parse_steps,
)
from morphsep.request.reverts import ALL_BACK, Revert, parse_revert
from morphsep.request.settings import (
    AS_RECORDED,
    Settings,
    describe,
    make_settings,
    parse_settings,
    setting_options,
)
from morphsep.request.unread import Unread

__all__ = [
    "ALL_BACK",
    "ALL_STEPS",
    "AS_RECORDED",
    "BACKEND_OPTIONS",
    "SOURCE_COLUMNS",
    "STEPS",
    "TIMBRE",
    "Amount",
    "Command",
    "Curve",
    "Following",
    "Job",
    "ListRow",
    "Option",
    "Restoration",
    "Revert",
    "Settings",
    "Unread",
    "backing_of",
    "check_apart",
    "checked_sample_rate",
    "checked_samples",
    "collect",
    "describe",
    "describe_plugins",
    "has_option",
    "load_plugin",
    "make_settings",
    "pack",
    "pack_file",
    "parse_amount",
    "parse_curve",
    "parse_following",
    "parse_revert",
    "parse_settings",
    "parse_steps",
    "parse_time",
    "plugin_names",
    "plugin_options",
    "read_list",
    "setting_options",
    "unpack",
    "unpack_file",
    "with_local_files",
]
