from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geotagger.errors import ModelError
from geotagger.suggest.calibration import MODES, base, load, parse, shipped


@pytest.mark.parametrize("calibration", [shipped(), base()], ids=["albums", "traces"])
def test_the_files_that_come_along_are_whole(calibration) -> None:
    assert len(calibration.modes) == len(MODES)
    assert "real" in calibration.note
    for mode in calibration.modes:
        for far in (0.0, 0.4, 1.0):
            ends = mode.honest(np.array([[0.0, 1.0]]), np.array([far]))
            assert ends[0] == pytest.approx([0.0, 1.0])


def test_what_a_distribution_is_worth_depends_on_how_far_the_anchors_are_in_time() -> None:
    mode = replace(
        shipped().modes[0],
        raw=np.array([0.0, 0.5, 1.0]),
        true=np.array([0.0, 0.8, 1.0]),
        far_raw=np.array([0.0, 0.8, 1.0]),
    )
    mass = np.array([[0.5], [0.5], [0.5]])
    near, between, far = mode.honest(mass, np.array([0.0, 0.5, 1.0]))[:, 0]
    assert near == pytest.approx(0.8)
    assert far == pytest.approx(0.5)
    assert near > between > far


def test_a_calibration_survives_being_written(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(shipped().to_json())
    again = load(path)
    assert again.note == shipped().note
    for ours, theirs in zip(shipped().modes, again.modes, strict=True):
        np.testing.assert_array_equal(ours.weights, theirs.weights)
        np.testing.assert_array_equal(ours.kernel, theirs.kernel)


def _changed(**changes: object) -> str:
    raw = json.loads(shipped().to_json())
    raw.update(changes)
    return json.dumps(raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        _changed(format_version=99),
        _changed(scales_m=[1.0]),
        _changed(modes={}),
        _changed(modes={name: {"weights": {}} for name in MODES}),
        shipped().to_json().replace('"floor": -', '"floor": 1e999, "was": -'),
    ],
)
def test_a_damaged_calibration_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="calibration"):
        parse(text, tmp_path / "c.json")


def test_a_missing_calibration_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "none.json")
    assert caught.value.path == tmp_path / "none.json"
