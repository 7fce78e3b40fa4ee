"""Jobs made ready for a run: settled, ordered, with the files that their settings name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from morphsep import manifest
from morphsep.backends import BackendTraits, Fetching
from morphsep.errors import SettingError
from morphsep.morphing import build, forget, settle
from morphsep.request import Job, Settings
from morphsep.run.pipeline import Pipeline
from morphsep.stages import Workspace
from morphsep.storage import location


def settle_jobs(jobs: Sequence[Job], on_cluster: bool = False) -> list[Job]:
    """Collected jobs (`morphsep.request.collect`) with every automatic choice made, once for
    all workers.

    Args:
        on_cluster: other machines do them.

    Raises:
        SettingError: some job's settings cannot work.
    """
    forget()
    settled: dict[Settings, tuple[Settings, str]] = {}
    for job in jobs:
        if job.settings not in settled:
            try:
                settled[job.settings] = settle(job.settings, on_cluster)
            except SettingError as error:
                if len(jobs) > 1:
                    raise SettingError(f"{error} (asked for {job.path})") from error
                raise
    return [
        replace(job, settings=settled[job.settings][0], separator_reason=settled[job.settings][1])
        for job in jobs
    ]


def check_devices(jobs: Sequence[Job]) -> None:
    """Only workers that were given a GPU see one, and each sees its own alone."""
    for name in {job.settings.device for job in jobs}:
        if name.startswith("cuda"):
            raise SettingError(
                f"--device {name} is for one machine; a worker of Ray uses the GPU that it is "
                "given: leave --device out, and see --gpus-per-worker"
            )


def packed_files(jobs: Iterable[Job], workspace: Workspace) -> dict[str, str]:
    """The files that settings name, put where workers on other machines find them."""
    from morphsep.request import pack

    return pack({job.settings for job in jobs if job.refusal is None}, workspace.files)


def stages_with_weights(jobs: Iterable[Job]) -> frozenset[str]:
    """Names of the stages that load weights for any of the jobs."""
    settings = {job.settings for job in jobs if job.refusal is None}
    return frozenset(name for one in settings for name in weights_of(one))


def weights_of(settings: Settings) -> frozenset[str]:
    """Names of the stages that load weights with these settings."""
    recipe = build(settings)
    stages = {
        "separate": bool(recipe.separator.weights_hash),
        "morph": BackendTraits.of(recipe.backend).device is not None,
    }
    return frozenset(name for name, has_weights in stages.items() if has_weights)


def fetch_weights(jobs: Iterable[Job], pipeline: Pipeline) -> None:
    """Brings the weights that the jobs need to this machine, once, before anything is touched.

    Raises:
        SettingError: some cannot be had.
    """
    for settings in {job.settings for job in jobs if job.refusal is None}:
        backend = build(settings).backend
        if pipeline.command == "morph" and isinstance(backend, Fetching):
            backend.fetch()


def only_failed(jobs: Iterable[Job], out: str | Path) -> list[Job]:
    """The jobs whose last row says that they failed.

    Returns:
        An empty list if nothing failed.
    """
    rows = manifest.read_known(location(out), ["status"])
    each = zip(rows["track"].to_pylist(), rows["status"].to_pylist(), strict=True)
    failed = {track for track, status in each if status == "failed"}
    return [job for job in jobs if job.track in failed]
