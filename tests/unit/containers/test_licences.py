"""The page of licences names every package of both images, and a licence for each."""

from __future__ import annotations

from pathlib import Path

from containers.licences import packages_of

PAGE = Path(__file__).parents[3] / "docs" / "licences.md"


def test_every_package_of_the_images_has_a_licence() -> None:
    rows = [
        line.split(" | ")
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    stated = {row[0].removeprefix("| "): row for row in rows}
    wanted = {**packages_of("lambda.txt"), **packages_of("fargate.txt")}
    assert len(wanted) > 100
    for name, version in wanted.items():
        assert stated[name][1] == version, name
        assert stated[name][2], name
        assert "not " not in stated[name][2], name
