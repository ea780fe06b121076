"""Runs the steps of a composite action, or of a workflow's job, as GitHub's runner does:

    github_action.py ACTION.YML NAME=INPUT ...
    github_action.py --workflow WORKFLOW.YML NAME=VARIABLE ...

Prints the variables and outputs that the steps set, as JSON. Each step gets the variables that the steps before it exported. The
variables given take the place of those that the workflow sets; actions of others (`uses: actions/...`) are left out.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

# How the runner calls `shell: bash`, and a workflow's step that names no shell.
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
BASH_UNNAMED = ["bash", "-e"]


class Failed(Exception):
    """A step failed; what it said."""


def filled_in(text, inputs, outputs):
    """The text with its expressions replaced; any other than these two is an error."""

    def value(match):
        parts = match[1].split(".")
        if parts[0] == "inputs" and len(parts) == 2:
            return inputs[parts[1]]
        if parts[0] == "steps" and parts[2] == "outputs" and len(parts) == 4:
            return outputs[parts[1]][parts[3]]
        raise ValueError(f"what is {match[0]}?")

    return re.sub(r"\$\{\{\s*([\w.-]+)\s*\}\}", value, text)


def is_wanted(condition, outputs):
    """Whether a step's `if` holds; any other than a comparison of an output is an error."""
    match = re.fullmatch(r"steps\.([\w-]+)\.outputs\.([\w-]+) != '(\w*)'", condition)
    if not match:
        raise ValueError(f"what is {condition}?")
    return outputs.get(match[1], {}).get(match[2], "") != match[3]


def read(path):
    """The `NAME=VALUE` lines of a file."""
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("=", 1) for line in lines)


def run(steps, inputs, variables):
    """Runs steps one after the other; the variables that they exported, and their outputs by their ids."""
    exported, outputs = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for number, step in enumerate(steps):
            if "if" in step and not is_wanted(step["if"], outputs):
                continue
            if "uses" in step:
                if step["uses"].startswith("./"):
                    told = run_action(f"{step['uses']}/action.yml", step.get("with", {}), {**variables, **exported})
                    exported.update(told["variables"])
                    outputs[step.get("id", str(number))] = told["outputs"]
                continue
            if step.get("shell", "bash") != "bash":
                raise ValueError(f"step {number} wants {step['shell']}")
            files = {name: f"{folder}/{number}-{name}" for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "script")}
            for file in files.values():
                open(file, "w", encoding="utf-8").close()
            with open(files["script"], "w", encoding="utf-8") as script:
                script.write(filled_in(step["run"], inputs, outputs))
            own = {name: filled_in(str(text), inputs, outputs) for name, text in step.get("env", {}).items()}
            environment = {**os.environ, **variables, **exported, **own, **files, "RUNNER_TEMP": os.environ["RUNNER_TEMP"]}
            del environment["script"]
            shell = BASH if "shell" in step else BASH_UNNAMED
            done = subprocess.run([*shell, files["script"]], env=environment, stdout=subprocess.PIPE, text=True)
            print(done.stdout, file=sys.stderr)
            if done.returncode != 0:
                raise Failed(done.stdout)
            exported.update(read(files["GITHUB_ENV"]))
            outputs[step.get("id", str(number))] = read(files["GITHUB_OUTPUT"])
    return exported, outputs


def run_action(path, given, variables):
    """Runs a composite action with these inputs."""
    with open(path, encoding="utf-8") as file:
        action = yaml.safe_load(file)
    inputs = {name: str(about.get("default", "")) for name, about in action["inputs"].items()}
    for name, value in given.items():
        if name not in inputs:
            raise ValueError(f"the action has no input {name}")
        inputs[name] = value
    for number, step in enumerate(action["runs"]["steps"]):
        if "shell" not in step:
            raise ValueError(f"step {number} of an action has to name its shell")
    exported, outputs = run(action["runs"]["steps"], inputs, variables)
    told = {name: filled_in(about["value"], inputs, outputs) for name, about in action["outputs"].items()}
    return {"variables": exported, "outputs": told}


def run_workflow(path, given):
    """Runs the only job of a workflow."""
    with open(path, encoding="utf-8") as file:
        workflow = yaml.safe_load(file)
    (job,) = workflow["jobs"].values()
    exported, outputs = run(job["steps"], {}, {**workflow["env"], **given})
    return {"variables": exported, "outputs": outputs}


def main(*arguments):
    is_workflow = arguments[0] == "--workflow"
    path, *given = arguments[1:] if is_workflow else arguments
    given = dict(argument.split("=", 1) for argument in given)
    try:
        told = run_workflow(path, given) if is_workflow else run_action(path, given, {})
    except Failed as failed:
        print(failed)
        return 1
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
