"""croissant.json: the data set described in MLCommons' Croissant format, version 1.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from morphsep.dataset.columns import AUDIO, COLUMNS, column_names
from morphsep.dataset.recipe import DataRecipe
from morphsep.dataset.shards import Written

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification gives."""
TYPES = {"string": "sc:Text", "float64": "sc:Float", "int32": "sc:Integer"}
UNKNOWN = "https://spdx.org/licenses/NOASSERTION"


def croissant(
    splits: Mapping[str, Sequence[Written]],
    recipe: DataRecipe,
    licences: Mapping[str | None, int],
) -> dict[str, Any]:
    """The description of a data set: its files with their digests, and its columns."""
    shards = [shard for each in splits.values() for shard in each]
    said = sorted(licence for licence in licences if licence)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": "guitars-dry-and-changed",
        "description": (
            f"Guitars, dry and through effects, clips of {recipe.seconds:g} s at {recipe.rate} Hz."
        ),
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": said or [UNKNOWN],
        "distribution": [_file(shard) for shard in shards],
        "recordSet": [_records(split, each, recipe) for split, each in splits.items()],
    }


def _file(shard: Written) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject", "@id": shard.name, "name": shard.name, "contentUrl": shard.name,
        "contentSize": f"{shard.bytes} B", "encodingFormat": "application/x-parquet",
        "sha256": shard.sha256,
    }  # fmt: skip


def _records(split: str, shards: Sequence[Written], recipe: DataRecipe) -> dict[str, Any]:
    there = column_names(backing=recipe.backing, sound=recipe.sound)
    names = [name for name in there if COLUMNS[name][0] in TYPES or name in AUDIO]
    return {
        "@type": "cr:RecordSet", "@id": split, "name": split,
        "field": [_field(split, name, shards[0].name) for name in names],
    }  # fmt: skip


def _field(split: str, name: str, shard: str) -> dict[str, Any]:
    kind, says = COLUMNS[name]
    source: dict[str, Any] = {"fileObject": {"@id": shard}, "extract": {"column": name}}
    if kind == "audio":
        source["transform"] = {"jsonPath": "bytes"}
    return {
        "@type": "cr:Field", "@id": f"{split}/{name}", "name": f"{split}/{name}",
        "description": says, "dataType": TYPES.get(kind, "sc:AudioObject"), "source": source,
    }  # fmt: skip
