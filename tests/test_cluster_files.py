"""cluster.yaml and jobs/kuberay.yaml: valid, closed to the outside, and true of this project."""

from __future__ import annotations

import copy
import re
import shlex
import textwrap
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = ROOT / "cluster.yaml"
KUBERAY = ROOT / "jobs" / "kuberay.yaml"
PAGES = [ROOT / "docs" / "how-to" / f"{name}-a-cluster.md" for name in ("run-on", "secure")]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture
def config() -> dict[str, Any]:
    return yaml.safe_load(LAUNCHER.read_text(encoding="utf-8"))


@pytest.fixture
def kuberay() -> dict[str, Any]:
    return yaml.safe_load(KUBERAY.read_text(encoding="utf-8"))


def as_ray_up_sees_it(config: dict[str, Any]) -> dict[str, Any]:
    """Filled up and checked as `ray up` does before it asks the cloud for anything."""
    pytest.importorskip("ray")
    from ray.autoscaler._private.util import prepare_config, validate_config

    full: dict[str, Any] = prepare_config(copy.deepcopy(config))
    validate_config(full)
    return full


# --- the launcher's file -------------------------------------------------------------------------


def test_ray_accepts_it(config: dict[str, Any]) -> None:
    full = as_ray_up_sees_it(config)
    assert full["available_node_types"].keys() == {"ray.head", "ray.worker.gpu", "ray.worker.cpu"}
    # what we set is what counts: none of Ray's own defaults is left among the commands
    assert full["worker_setup_commands"] == config["setup_commands"]
    assert full["head_setup_commands"] == config["setup_commands"] + config["head_setup_commands"]


@pytest.mark.parametrize(
    "breaks",
    [lambda c: c.update(max_worker=3), lambda c: c.pop("provider"),
     lambda c: c.update(head_node_type="ray.haed"),
     lambda c: c["available_node_types"]["ray.worker.gpu"].pop("resources"),
     lambda c: c["available_node_types"]["ray.worker.gpu"].update(min_workers=99)],
)  # fmt: skip
def test_the_check_finds_mistakes(config: dict[str, Any], breaks: Any) -> None:
    from jsonschema import ValidationError

    breaks(config)
    with pytest.raises((ValidationError, ValueError, KeyError)):
        as_ray_up_sees_it(config)


def test_the_head_leads_and_workers_come_and_go(config: dict[str, Any]) -> None:
    types = config["available_node_types"]
    assert config["head_node_type"] == "ray.head"
    assert types["ray.head"]["resources"] == {"CPU": 0}
    workers = {name: t for name, t in types.items() if name != "ray.head"}
    assert all(0 == t["min_workers"] < t["max_workers"] for t in workers.values())
    assert sum(t["max_workers"] for t in workers.values()) <= config["max_workers"]
    assert 0 < config["idle_timeout_minutes"] <= 15
    assert config["provider"]["cache_stopped_nodes"] is False


VCPUS = {"m7i.xlarge": 4, "g6.xlarge": 4, "c7i.4xlarge": 16}
GPUS = {"g6.xlarge": 1}
"""Of EC2's instance types, as AWS lists them."""


def test_resources_are_those_of_the_machines(config: dict[str, Any]) -> None:
    for name, node in config["available_node_types"].items():
        machine = node["node_config"]["InstanceType"]
        assert node["resources"].get("GPU", 0) == GPUS.get(machine, 0), name
        if name != "ray.head":
            assert node["resources"]["CPU"] == VCPUS[machine], name


def test_disks_hold_what_a_worker_puts_on_them(config: dict[str, Any]) -> None:
    # CUDA's environment takes 5.8 GB (README). A two-hour stereo tape has 120 * 21 MB of stem, as
    # much again of change, and a decoded copy: three times that, for each of four at work
    needed_gb = 30 + 6 + 3 * 120 * 0.021 * 4
    for node in config["available_node_types"].values():
        (disk,) = node["node_config"]["BlockDeviceMappings"]
        assert disk["Ebs"]["VolumeSize"] >= needed_gb
        assert disk["Ebs"]["Encrypted"] is True
        assert disk["Ebs"]["DeleteOnTermination"] is True


def test_workers_may_be_spot_and_the_head_is_not(config: dict[str, Any]) -> None:
    market = {
        name: node["node_config"].get("InstanceMarketOptions")
        for name, node in config["available_node_types"].items()
    }
    spot = {"MarketType": "spot"}
    assert market == {"ray.head": None, "ray.worker.gpu": spot, "ray.worker.cpu": spot}


# --- what its commands do ------------------------------------------------------------------------


def commands(config: dict[str, Any]) -> list[str]:
    return [line for key, lines in config.items() if key.endswith("commands") for line in lines]


def ray_starts(config: dict[str, Any]) -> list[str]:
    return [line for line in commands(config) if re.search(r"\bray start\b", line)]


def options_of(line: str) -> dict[str, str]:
    words = shlex.split(line[line.index("ray start") :])[2:]
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def test_every_node_asks_for_the_token(config: dict[str, Any]) -> None:
    mounts = config["file_mounts"]
    assert mounts["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert "chmod 600 ~/.ray/auth_token" in config["setup_commands"]
    assert len(ray_starts(config)) == 2
    for line in ray_starts(config):
        assert re.search(r"(^|; )RAY_AUTH_MODE=token ray start ", line), line


def test_ray_reads_the_token_where_it_is_put(config: dict[str, Any]) -> None:
    pytest.importorskip("ray")
    from ray._private.authentication import authentication_token_setup as setup

    assert setup.AUTH_MODE_ENV_VAR == "RAY_AUTH_MODE"
    assert str(setup._get_default_token_path()) in {
        str(Path(path).expanduser()) for path in config["file_mounts"]
    }


def test_nothing_listens_to_the_world(config: dict[str, Any]) -> None:
    head, worker = sorted(map(options_of, ray_starts(config)), key=lambda o: "--head" not in o)
    assert head["--dashboard-host"] == "127.0.0.1"
    assert not {name for name in head | worker if "debugger-external" in name or "host" in name} - {
        "--dashboard-host"
    }
    # ray cannot bind its client server to loopback on a cluster's head: a firewall rule has to
    assert "--ray-client-server-port" not in head
    starts = config["head_start_ray_commands"]
    fence = next(i for i, line in enumerate(starts) if "iptables -I INPUT" in line)
    assert "--dport 10001 ! -i lo -j REJECT" in starts[fence]
    assert fence < starts.index(ray_starts({"head_start_ray_commands": starts})[0])
    assert "security_group" not in config["provider"]
    assert "0.0.0.0" not in LAUNCHER.read_text(encoding="utf-8")


def test_ray_knows_every_option_that_we_start_it_with(config: dict[str, Any]) -> None:
    pytest.importorskip("ray")
    from ray.scripts.scripts import start

    known = {name for parameter in start.params for name in parameter.opts}
    for line in ray_starts(config):
        assert options_of(line).keys() <= known


def test_the_commands_use_what_the_repository_has(config: dict[str, Any]) -> None:
    mounted = {Path(local) for local in config["file_mounts"].values() if local[0] != "~"}
    # dist/ is made by `pip wheel`, which the file's head asks for
    assert {path for path in mounted if not (ROOT / path).exists()} <= {Path("dist")}
    assert "pip wheel --no-deps -w dist ." in LAUNCHER.read_text(encoding="utf-8")
    used = set(re.findall(r"~/morphsep/([\w.-]+)", "\n".join(commands(config))))
    assert used == {Path(remote).name for remote in config["file_mounts"] if "morphsep" in remote}
    extras = {extra for line in commands(config) for extra in re.findall(r"\)\[(\w+)\]", line)}
    assert extras == {"ray"}
    assert any("extra == 'ray'" in r.replace('"', "'") for r in requires("morphsep") or ())


def test_only_known_programs_are_called(config: dict[str, Any]) -> None:
    programs = {"chmod", "apt-get", "test", "python3", "grep", "echo", "ls", "head", "iptables",
                "ulimit", "ray", "timeout", "~/env/bin/pip", "~/env/bin/morphsep"}  # fmt: skip
    for line in commands(config):
        bare = re.sub(r"'[^']*'", "", line)
        for part in re.split(r"\|\||&&|;|\||\$\(", bare):
            words = [w for w in part.split() if w != "sudo" and not re.match(r"[A-Z_]+=", w)]
            assert words[0] in programs, line


def morphsep_commands(text: str) -> list[list[str]]:
    """Every call of the command line in a text, without what a shell would do to it."""
    joined = text.replace("\\\n", " ")
    program = r"(?:^|&& |bin/)morphsep|python jobs/(?:reprocess|separate)\.py"
    found = re.findall(rf"(?:{program}) [^`\n|&;]+", joined, re.M)
    calls = []
    for call in found:
        words = shlex.split(call.strip(" `&/").removeprefix("bin/"), comments=True)
        if words[0] == "python":
            words = ["morphsep", {"reprocess": "morph"}.get(Path(words[1]).stem, "separate"),
                     *words[2:]]  # fmt: skip
        calls.append(words[1:])
    return calls


def parses(arguments: list[str]) -> None:
    """Raises unless the real command line takes these arguments; nothing is run."""
    from morphsep.cli.app import app

    command: Any = typer.main.get_command(app)
    context = command.make_context("morphsep", list(arguments))
    while hasattr(command, "commands"):
        left = [*context._protected_args, *context.args]
        if not left and command.invoke_without_command:
            return
        name, command, rest = command.resolve_command(context, left)
        context = command.make_context(name, rest, parent=context)


def test_the_parser_of_this_test_refuses_what_is_wrong() -> None:
    parses(["models", "fetch", "htdemucs_6s"])
    for wrong in (["modls", "fetch"], ["models", "fetch", "a", "b"], ["morph", "a", "--too", "b"]):
        with pytest.raises(Exception, match=r"No such|unexpected|Missing"):
            parses(wrong)


def test_every_morphsep_command_in_the_files_is_one(
    config: dict[str, Any], kuberay: dict[str, Any]
) -> None:
    calls = morphsep_commands("\n".join(commands(config)))
    assert ["models", "fetch", "htdemucs_6s"] in calls
    for group in groups(kuberay):
        for container in group["template"]["spec"]["initContainers"]:
            assert container["command"][0] == "morphsep"
            calls.append(container["command"][1:])
    for call in calls:
        parses(call)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_morphsep_command_in_the_documents_is_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```(?!text|python)\w*\n(.*?)^ *```", text, re.M | re.S)
    blocks += re.findall(r"^(?:    morphsep .*\n)+", text, re.M)
    calls = [call for block in blocks for call in morphsep_commands(textwrap.dedent(block))]
    assert calls or page.name != "run-on-a-cluster.md"
    for call in calls:
        parses(call)


def test_the_costs_in_the_document_are_the_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    from unittest import mock

    from jobs import estimate_cost

    with mock.patch("sys.argv", ["estimate_cost"]):
        estimate_cost.main()
    page = ROOT / "docs" / "reference" / "cluster-costs.md"
    assert capsys.readouterr().out in page.read_text(encoding="utf-8")


def test_costs_are_built_on_the_figures_that_were_measured() -> None:
    from jobs import estimate_cost

    measured = (ROOT / "docs" / "reference" / "benchmarks.md").read_text(encoding="utf-8")
    assert "scan 4.9, separate 359.9, morph 3.6, assemble 2.3" in measured
    assert estimate_cost.SEPARATE_CORE_SECONDS == 2 * 359.9
    assert pytest.approx(4.9 + 3.6 + 2.3) == estimate_cost.OTHER_CORE_SECONDS


# --- the Kubernetes twin -------------------------------------------------------------------------

KNOWN = {
    "cluster": {
        "rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions", "suspend",
        "headGroupSpec", "workerGroupSpecs", "headServiceAnnotations", "gcsFaultToleranceOptions",
        "managedBy",
    },
    "autoscaler": {
        "resources", "image", "imagePullPolicy", "securityContext", "idleTimeoutSeconds",
        "upscalingMode", "version", "env", "envFrom", "volumeMounts",
    },
    "head": {"template", "headService", "enableIngress", "rayStartParams", "serviceType"},
    "worker": {
        "groupName", "replicas", "minReplicas", "maxReplicas", "idleTimeoutSeconds",
        "rayStartParams", "template", "scaleStrategy", "numOfHosts", "suspend",
    },
}  # fmt: skip
"""Fields of `ray.io/v1` RayCluster; the API server refuses or drops any other."""


def groups(kuberay: dict[str, Any]) -> list[dict[str, Any]]:
    return [kuberay["spec"]["headGroupSpec"], *kuberay["spec"]["workerGroupSpecs"]]


def test_the_twin_has_only_fields_that_there_are(kuberay: dict[str, Any]) -> None:
    assert (kuberay["apiVersion"], kuberay["kind"]) == ("ray.io/v1", "RayCluster")
    assert kuberay.keys() == {"apiVersion", "kind", "metadata", "spec"}
    spec = kuberay["spec"]
    assert spec.keys() <= KNOWN["cluster"]
    assert spec["autoscalerOptions"].keys() <= KNOWN["autoscaler"]
    assert spec["autoscalerOptions"]["upscalingMode"] in ("Default", "Aggressive", "Conservative")
    assert spec["headGroupSpec"].keys() <= KNOWN["head"]
    for worker in spec["workerGroupSpecs"]:
        assert worker.keys() <= KNOWN["worker"]
        assert worker["minReplicas"] <= worker["replicas"] <= worker["maxReplicas"]
    for group in groups(kuberay):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_pods_are_whole(kuberay: dict[str, Any]) -> None:
    for group in groups(kuberay):
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in [*pod["containers"], *pod["initContainers"]]:
            assert {"name", "image"} <= container.keys()
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            assert all(isinstance(variable["value"], str) for variable in container["env"])
            weights = {variable["name"]: variable["value"] for variable in container["env"]}
            mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert weights["MORPHSEP_WEIGHTS"] in mounts
        for container in pod["containers"]:
            asked = container["resources"]
            assert asked["requests"] == asked["limits"]


def test_the_twin_is_the_same_cluster(config: dict[str, Any], kuberay: dict[str, Any]) -> None:
    types = config["available_node_types"]
    workers = {worker["groupName"]: worker for worker in kuberay["spec"]["workerGroupSpecs"]}
    assert {f"ray.worker.{name}" for name in workers} == types.keys() - {"ray.head"}
    for name, worker in workers.items():
        assert worker["maxReplicas"] == types[f"ray.worker.{name}"]["max_workers"]
        (container,) = worker["template"]["spec"]["containers"]
        gpus = container["resources"]["limits"].get("nvidia.com/gpu", "0")
        assert int(gpus) == types[f"ray.worker.{name}"]["resources"].get("GPU", 0)
    options = kuberay["spec"]["autoscalerOptions"]
    assert options["idleTimeoutSeconds"] == 60 * config["idle_timeout_minutes"]
    assert kuberay["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_the_twin_is_closed_too(kuberay: dict[str, Any]) -> None:
    spec = kuberay["spec"]
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert not spec["headGroupSpec"].get("enableIngress", False)
    for group in groups(kuberay):
        pod = group["template"]["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all("hostPath" not in volume for volume in pod["volumes"])
        for container in [*pod["containers"], *pod["initContainers"]]:
            assert not container.get("securityContext", {}).get("privileged", False)
            assert all("hostPort" not in port for port in container.get("ports", ()))


def test_both_run_the_ray_that_is_pinned(kuberay: dict[str, Any]) -> None:
    pinned = re.search(r"^ray==(\S+)", (ROOT / "constraints.txt").read_text(), re.M)
    assert pinned is not None
    assert kuberay["spec"]["rayVersion"] == pinned[1]
    assert tuple(map(int, pinned[1].split(".")[:2])) >= (2, 52)  # the first with tokens


# --- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LAUNCHER, KUBERAY, *PAGES], ids=lambda path: path.name)
def test_no_secret_and_no_machine_is_in_the_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"AKIA[0-9A-Z]{16}|aws_secret|BEGIN [A-Z ]*PRIVATE KEY", text)
    assert not re.search(r"\b\d{12}\b|\bami-[0-9a-f]{8,}\b|/home/\w+|/Users/", text)
