"""Runs the steps of a composite action as GitHub's runner does: `github_action.py ACTION.YML NAME=INPUT ...`.

Prints the variables and outputs that the steps set, as JSON. Each step gets the variables that the steps before it exported.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

# How the runner calls `shell: bash`.
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]


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


def read(path):
    """The `NAME=VALUE` lines of a file."""
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("=", 1) for line in lines)


def main(path, *given):
    with open(path, encoding="utf-8") as file:
        action = yaml.safe_load(file)
    inputs = {name: str(about.get("default", "")) for name, about in action["inputs"].items()}
    for argument in given:
        name, value = argument.split("=", 1)
        if name not in inputs:
            raise ValueError(f"the action has no input {name}")
        inputs[name] = value
    exported, outputs = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for number, step in enumerate(action["runs"]["steps"]):
            if step["shell"] != "bash":
                raise ValueError(f"step {number} wants {step['shell']}")
            files = {name: f"{folder}/{number}-{name}" for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "script")}
            for file in files.values():
                open(file, "w", encoding="utf-8").close()
            with open(files["script"], "w", encoding="utf-8") as script:
                script.write(filled_in(step["run"], inputs, outputs))
            own = {name: filled_in(str(text), inputs, outputs) for name, text in step.get("env", {}).items()}
            environment = {**os.environ, **exported, **own, **files, "RUNNER_TEMP": os.environ["RUNNER_TEMP"]}
            del environment["script"]
            done = subprocess.run([*BASH, files["script"]], env=environment, stdout=subprocess.PIPE, text=True)
            print(done.stdout, file=sys.stderr)
            if done.returncode != 0:
                print(done.stdout)
                return 1
            exported.update(read(files["GITHUB_ENV"]))
            outputs[step.get("id", str(number))] = read(files["GITHUB_OUTPUT"])
    told = {name: filled_in(about["value"], inputs, outputs) for name, about in action["outputs"].items()}
    print(json.dumps({"variables": exported, "outputs": told}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
