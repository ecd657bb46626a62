"""Which sequence system a model is: the paper's variants as values of a few settings."""

from __future__ import annotations

from dataclasses import dataclass

HEADS = ("softmax", "geo")


@dataclass(frozen=True, slots=True)
class AlbumModelConfig:
    """One of PlaNet's album systems (section 4, figure 12), or the full-length BLSTM.

    Attributes
    ----------
    name
        For people and tables.
    hidden
        Units of the LSTM in each direction; 0 has none: the single-image model.
    bidirectional
        Whether a second LSTM reads the album backwards (figure 12d).
    offset
        How many photos the LSTM reads beyond the one that it answers for (figure 12b).
    repeat
        Whether the album is read twice and the second time answered for (figure 12c).
    cut
        Albums are cut into pieces of so many photos; 0 takes them whole.
    head
        "softmax" has weights for each cell; "geo" compares with the cells' own vectors, so that
        the same network serves any partition.
    dimension
        Length of the backbone's vectors.
    beliefs
        Whether the network reads what a world model believes, as the mean of the cells' vectors,
        in place of the backbone's vector, and says what the album adds to the world model's
        logits. Such a network serves every backbone that a world model stands on.

    Raises
    ------
    ValueError
        The settings contradict each other.
    """

    name: str
    hidden: int = 192
    bidirectional: bool = False
    offset: int = 0
    repeat: bool = False
    cut: int = 0
    head: str = "softmax"
    dimension: int = 512
    beliefs: bool = False

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}, found {self.head!r}")
        if not 0 <= self.hidden <= 8192 or not 1 <= self.dimension <= 65_536:
            raise ValueError("hidden must be from 0 to 8192, dimension from 1 to 65536")
        if self.offset < 0 or self.cut < 0:
            raise ValueError("offset and cut must not be negative")
        if self.offset and (self.bidirectional or self.repeat):
            raise ValueError("an offset is for a network that reads the album forward, once")
        if self.beliefs and (self.head != "geo" or self.hidden == 0):
            raise ValueError("beliefs are for a network with LSTM and the head of the geo space")
        if self.hidden == 0 and (self.bidirectional or self.repeat or self.offset):
            raise ValueError("a network without LSTM reads one photo at a time")
