"""The state machines' definitions, read as text: names that exist, retries that are bounded, small states."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.definition import DATASETS, WORKFLOW, load_definition, substitutions
from sparc_fuse_core import errors
from sparc_fuse_core.cloud.many import MOST_DATASETS

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = WORKFLOW.read_text(encoding="utf-8")
DEFINITION = json.loads(TEXT)
LISTS = json.loads(DATASETS.read_text(encoding="utf-8"))

#: What AWS itself may report (Step Functions' and Lambda's documentation, error handling).
AWS_ERRORS = {
    "ECS.AmazonECSException",
    "ECS.InvalidParameterException",
    "ECS.SdkClientException",
    "ECS.ServerException",
    "ECS.ThrottlingException",
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Runtime.OutOfMemory",
    "Sandbox.Timedout",
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.InternalServerException",
    "StepFunctions.SdkClientException",
    "StepFunctions.ThrottlingException",
}
#: The account has no room just now.
THROTTLED = {
    "Lambda.TooManyRequestsException",
    "ECS.ThrottlingException",
    "StepFunctions.ThrottlingException",
    "StepFunctions.ExecutionLimitExceededException",
}
LOST = {
    "Runtime.ExitError",
    "Runtime.OutOfMemory",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "States.Timeout",
}


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


STATES = {**dict(states(DEFINITION)), **dict(states(LISTS))}


def retriers() -> list[tuple[str, dict[str, Any]]]:
    return [(name, entry) for name, state in STATES.items() for entry in state.get("Retry", ())]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def test_every_error_name_exists() -> None:
    named = {
        name
        for state in STATES.values()
        for entry in [*state.get("Retry", ()), *state.get("Catch", ())]
        for name in entry["ErrorEquals"]
    }
    own = {
        name
        for name in named
        if isinstance(getattr(errors, name, None), type)
        and issubclass(getattr(errors, name), errors.SparcFuseError)
    }
    assert named - own - AWS_ERRORS == set()
    assert {"SourceUnavailableError", "DatasetBusyError", "OutOfMemoryError"} <= own


@pytest.mark.parametrize(("name", "entry"), retriers(), ids=lambda value: str(value)[:40])
def test_retries_back_off_with_full_jitter_up_to_a_cap(name: str, entry: dict[str, Any]) -> None:
    assert entry["JitterStrategy"] == "FULL"
    assert entry["BackoffRate"] > 1
    assert entry["IntervalSeconds"] < entry["MaxDelaySeconds"] <= 900
    if set(entry["ErrorEquals"]) & THROTTLED:
        assert set(entry["ErrorEquals"]) <= THROTTLED, "what fails is given up, what waits is not"
        # a day of waiting at least, and no more events than an execution may have (three an attempt)
        assert entry["MaxAttempts"] * entry["MaxDelaySeconds"] / 2 > 24 * 3600
        assert entry["MaxAttempts"] * 3 < 20_000
    elif entry["ErrorEquals"] == ["DatasetBusyError"]:
        # the holder may run for days
        assert entry["MaxAttempts"] * entry["MaxDelaySeconds"] / 2 > 2 * 24 * 3600
    else:
        assert 1 <= entry["MaxAttempts"] <= 8


def test_no_throttle_loses_an_item() -> None:
    for name, state in STATES.items():
        waits = {e for entry in state.get("Retry", ()) for e in entry["ErrorEquals"]} & THROTTLED
        resource = state.get("Resource", "")
        if "lambda:invoke" in resource:
            assert waits == {"Lambda.TooManyRequestsException"}, name
        if "startExecution" in resource:
            assert "StepFunctions.ThrottlingException" in waits, name
        if "ecs:runTask" in resource:
            assert waits == {"ECS.ThrottlingException"}, name
            # of a quota RunTask tells in words only
            choice = STATES[state["Catch"][-1]["Next"]]
            (reached,) = [c for c in choice["Choices"] if "reached the limit" in json.dumps(c)]
            pause = STATES[reached["Next"]]
            assert (pause["Type"], pause["Next"]) == ("Wait", name)


def test_what_a_bad_file_or_request_says_is_never_retried() -> None:
    retried = {name for _, entry in retriers() for name in entry["ErrorEquals"]}
    assert {name for name in retried if "." not in name} == {
        "SourceUnavailableError",
        "SourceThrottledError",
        "PublishError",
        "DatasetBusyError",
    }


def test_every_substitution_is_used_and_has_a_value() -> None:
    values = substitutions("eu-north-1", "123456789012")
    both = TEXT + DATASETS.read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", both)) == set(values)


def test_the_rehearsal_changes_nothing_but_the_substitutions() -> None:
    names = substitutions("eu-north-1", "123456789012")
    marked = load_definition({name: f"${{{name}}}" for name in names})
    assert marked == TEXT


def test_a_missing_substitution_is_named() -> None:
    with pytest.raises(KeyError, match="PlanFunction"):
        load_definition({})


def test_it_is_json_path_throughout() -> None:
    assert DEFINITION["QueryLanguage"] == "JSONPath"
    assert not [text for text in strings(DEFINITION) if text.startswith("{%")]
    machine_keys = {key for state in STATES.values() for key in state}
    assert not machine_keys & {"Arguments", "Output", "Assign", "Items"}


def test_no_state_output_grows_with_the_dataset() -> None:
    assert "ResultWriter" in STATES["ConvertAll"], "the children's outputs would be the map's"
    for name in ("ConvertAll", "Consolidate", "Announce", "AnnounceFailure"):
        assert STATES[name]["ResultPath"] is None, name
    for name, state in STATES.items():
        if state["Type"] == "Task" and name not in (
            *("Plan", "Manifest", "Announce", "AnnounceFailure"),
            "CheckBudget",  # as long as the list itself, which is bounded
        ):
            assert len(state["ResultSelector"]) == 1, f"{name}: passes the whole answer on"


def test_the_map_is_bounded_and_one_item_never_ends_the_others() -> None:
    convert_all = STATES["ConvertAll"]
    assert convert_all["MaxConcurrencyPath"] == "$.max_concurrency"
    assert convert_all["ToleratedFailurePercentagePath"] == "$.tolerated_failure_percentage"
    assert len(convert_all["Label"]) <= 40
    inner = convert_all["ItemProcessor"]["States"]
    for name, state in inner.items():
        if state["Type"] == "Task":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_one_dataset_of_a_list_never_ends_the_others() -> None:
    for outer in ("EstimateAll", "StartAll"):
        assert LISTS["States"][outer]["ItemProcessor"]["ProcessorConfig"]["Mode"] == "INLINE"
        for name, state in states(LISTS["States"][outer]["ItemProcessor"]):
            if state["Type"] == "Task":
                assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
    assert STATES["StartAll"]["MaxConcurrencyPath"] == "$.at_once"
    assert STATES["EstimateAll"]["ResultPath"] is None
    # an inline map's events are the execution's: 25,000 of them at most, with every retry of one estimate
    a_dataset = 2 + 8 + 2 + 8 + 2 * 3
    assert MOST_DATASETS * a_dataset < 20_000


def test_memory_and_time_send_an_item_to_fargate_once() -> None:
    (larger, _) = STATES["ConvertInLambda"]["Catch"]
    assert set(larger["ErrorEquals"]) == LOST | {"OutOfMemoryError", "DiskFullError"}
    assert larger["Next"] == "ConvertOnSpot"
    retried = {name for e in STATES["ConvertInLambda"]["Retry"] for name in e["ErrorEquals"]}
    assert not retried & LOST
    spot, demand = STATES["ConvertOnSpot"], STATES["ConvertOnDemand"]
    providers = [s["Parameters"]["CapacityProviderStrategy"] for s in (spot, demand)]
    assert [p[0]["CapacityProvider"] for p in providers] == ["FARGATE_SPOT", "FARGATE"]
    as_spot = json.dumps(demand["Parameters"]["Overrides"]).replace('"demand"', '"spot"')
    assert spot["Parameters"]["Overrides"] == json.loads(as_spot)
    assert STATES[demand["Catch"][0]["Next"]]["Default"] == "RecordFailure"


def test_every_task_says_what_it_costs_and_for_whom() -> None:
    for name, capacity in {
        "ConvertOnSpot": "spot",
        "ConvertOnDemand": "demand",
        "ConvertOnLargest": "demand",
        "ConvertOnVolume": "demand",
    }.items():
        parameters = STATES[name]["Parameters"]
        assert parameters["Tags"] == [{"Key": "dataset", "Value.$": "$.dataset"}]
        assert parameters["PropagateTags"] == "TASK_DEFINITION", "the stack's project too"
        (container,) = parameters["Overrides"]["ContainerOverrides"]
        assert {"Name": "CAPACITY", "Value": capacity} in container["Environment"]
    assert STATES["ConvertAll"]["ItemSelector"]["dataset.$"] == "$.dataset"


def test_a_task_too_small_is_followed_by_the_largest_once() -> None:
    for name in ("WasSpotTakenAway", "WasThereRoom"):
        larger = [c for c in STATES[name]["Choices"] if c["Next"] == "ConvertOnLargest"]
        assert len(larger) == 2
        assert all(
            {"Variable": "$.item.has_larger", "BooleanEquals": True} in c["And"] for c in larger
        )
    largest = STATES["ConvertOnLargest"]
    after = STATES[largest["Catch"][0]["Next"]]
    assert [choice["Next"] for choice in after["Choices"]] == ["WaitForLargest", "ConvertOnVolume"]
    assert "137" not in json.dumps(after), "a volume is no more memory"
    assert after["Default"] == "RecordFailure"
    text = json.dumps(largest["Parameters"])
    assert '"HAS_LARGER", "Value": "disk"' in text
    assert "$.item.largest.memory" in text


def test_a_volume_is_the_last_step() -> None:
    volume = STATES["ConvertOnVolume"]
    after = STATES[volume["Catch"][0]["Next"]]
    assert [choice["Next"] for choice in after["Choices"]] == ["WaitForVolume"]
    assert after["Default"] == "RecordFailure"
    text = json.dumps(volume["Parameters"])
    assert "HAS_LARGER" not in text, "there is none above it"
    (configured,) = volume["Parameters"]["VolumeConfigurations"]
    (tagged,) = configured["ManagedEBSVolume"]["TagSpecifications"]
    assert tagged["ResourceType"] == "volume"
    assert tagged["Tags"] == volume["Parameters"]["Tags"], "what it costs is the dataset's"
    # an item of terabytes runs for days: what Spot takes away would be lost
    assert "FARGATE_SPOT" not in text


def test_every_task_has_a_time_limit() -> None:
    for name, state in STATES.items():
        if state["Type"] == "Task":
            if name == "ConvertOnVolume":
                assert state["TimeoutSecondsPath"] == "$.item.volume.seconds"
                continue
            longest_h = {"ConvertOnLargest": 48, "ConvertDataset": 30 * 24}.get(name, 12)
            assert 0 < state["TimeoutSeconds"] <= longest_h * 3600, name
