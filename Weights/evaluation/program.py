"""Drives the `restored` binary: many pictures in one run, its JSON read back."""

import json
import subprocess
from pathlib import Path


class Program:
    def __init__(self, binary: Path, bundle: Path | None):
        self.binary, self.bundle = binary, bundle

    def classify(self, pictures: list[Path]) -> list[dict]:
        """One answer a picture, in their order."""
        return self._run("classify", pictures)

    def restore(self, pictures: list[Path], folder: Path, options: list[str]) -> list[dict]:
        """Writes FOLDER/STEM.png for each; the answers in the order of the pictures."""
        folder.mkdir(parents=True, exist_ok=True)
        return self._run("restore", pictures, "-o", str(folder), *options)

    def _run(self, command: str, pictures: list[Path], *options: str) -> list[dict]:
        if not pictures:
            return []
        line = [str(self.binary), command, *map(str, pictures), *options, "--json"]
        line += ["--bundle", str(self.bundle)] if self.bundle else []
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"restored {command} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        answers = {answer["file"]: answer for answer in map(json.loads, done.stdout.splitlines())}
        return [answers[str(picture)] for picture in pictures]
