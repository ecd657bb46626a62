"""The settings of the starter's training, each with what it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StarterConfig:
    """How the starter is trained; two runs with equal settings give equal weights on one machine.

    Attributes
    ----------
    seed
        Of the crops, the drawing of batches, and the folds' training.
    views
        Views of each photo; the first is the plain one.
    folds
        Folds of whole sources that measure the settings; 0 measures nothing.
    steps
        Batches of the training.
    anchors
        Photos of a batch that come with one photo of the same place.
    others
        Further photos of a batch, half of them from the anchors' albums.
    near_m, far_m
        Photos within ``near_m`` metres show the same place, beyond ``far_m`` another one; what
        lies between teaches nothing.
    temperature
        Of the contrastive loss.
    contrast
        Weight of the contrastive loss; 0 leaves the projection to ``keep`` alone.
    keep
        Weight of staying close to the cosines of the untouched network.
    scene
        Weight of the scene's cross-entropy.
    rate, scene_rate
        Greatest learning rates of the projection and of the scene head.
    decay
        Weight decay of AdamW.
    threads
        CPU threads.
    """

    seed: int = 0
    views: int = 4
    folds: int = 5
    steps: int = 150
    anchors: int = 16
    others: int = 32
    near_m: float = 150.0
    far_m: float = 1000.0
    temperature: float = 0.1
    contrast: float = 1.0
    keep: float = 300.0
    scene: float = 0.5
    rate: float = 3e-4
    scene_rate: float = 5e-3
    decay: float = 1e-4
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("views", "steps", "anchors", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        for name in (
            "seed",
            "folds",
            "others",
            "contrast",
            "keep",
            "scene",
            "rate",
            "scene_rate",
            "decay",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if not self.temperature > 0.0:
            raise ValueError(f"temperature must be positive, found {self.temperature}")
        if not 0.0 < self.near_m <= self.far_m:
            raise ValueError(
                f"near_m must be positive and at most far_m, found {self.near_m} and {self.far_m}"
            )
