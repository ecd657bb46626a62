"""The album's networks: packing, offsets, repetition, pieces, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from geotagger.models.album.config import AlbumModelConfig
from geotagger.models.album.inputs import EXTRAS, AlbumPhotos, padded, pieces
from geotagger.models.album.network import AlbumNetwork, CellHead, vectors_of

SIZE = 12


def album(count: int, seed: int = 0, **more: object) -> AlbumPhotos:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, SIZE)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    seconds = np.cumsum(rng.integers(1, 1000, count)).astype(np.float64)
    values = {"vectors": rows, "seconds": seconds, "anchors": np.zeros(count, np.bool_)}
    return AlbumPhotos(**(values | more))  # type: ignore[arg-type]


def network(**more: object) -> AlbumNetwork:
    torch.manual_seed(3)
    settings: dict[str, object] = {"name": "test", "hidden": 8, "dimension": SIZE}
    made = AlbumNetwork(AlbumModelConfig(**(settings | more)))  # type: ignore[arg-type]
    made.start_memory(torch.randn(30, SIZE))
    return made.eval()


SYSTEMS: dict[str, dict[str, object]] = {
    "single": {"hidden": 0},
    "lstm": {},
    "off1": {"offset": 1},
    "off2": {"offset": 2},
    "rep": {"repeat": True},
    "blstm": {"bidirectional": True},
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_packed_and_unpacked_give_the_same_for_albums_of_full_length(system: str) -> None:
    made = network(**SYSTEMS[system])
    features, lengths = padded([album(9, 1), album(9, 2)])
    with torch.inference_mode():
        torch.testing.assert_close(
            made(features, lengths), made(features, lengths, packed=False), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("system", SYSTEMS)
def test_other_albums_and_padding_change_nothing(system: str) -> None:
    made = network(**SYSTEMS[system])
    albums = [album(length, length) for length in (1, 5, 17, 3)]
    together = vectors_of(made, albums, batch=4)
    for one, rows in zip(albums, together, strict=True):
        np.testing.assert_allclose(vectors_of(made, [one])[0], rows, atol=1e-4)
        assert rows.shape == (len(one), SIZE)


def test_an_offset_network_has_read_just_so_many_photos_more() -> None:
    made = network(offset=2)
    plain = album(8)
    before = vectors_of(made, [plain])[0]
    changed = plain.vectors.copy()
    changed[5] = -changed[5]
    after = vectors_of(made, [album(8, vectors=changed)])[0]
    same = np.isclose(before, after, atol=1e-6).all(axis=1)
    np.testing.assert_array_equal(same, [True] * 3 + [False] * 5)


def test_an_lstm_reads_only_what_came_before_and_a_blstm_all() -> None:
    plain = album(8)
    changed = plain.vectors.copy()
    changed[5] = -changed[5]
    other = album(8, vectors=changed)
    forward, both = network(), network(bidirectional=True)
    same = np.isclose(vectors_of(forward, [plain])[0], vectors_of(forward, [other])[0], atol=1e-6)
    np.testing.assert_array_equal(same.all(axis=1), [True] * 5 + [False] * 3)
    same = np.isclose(vectors_of(both, [plain])[0], vectors_of(both, [other])[0], atol=1e-9)
    assert not same.all(axis=1).any()


def test_a_repeated_sequence_is_answered_for_in_its_second_half() -> None:
    made = network(repeat=True)
    one = album(6)
    assert made.rnn is not None
    assert made.out is not None
    assert made.own is not None
    features = torch.from_numpy(one.features())[None]
    with torch.inference_mode():
        states = made.rnn(torch.cat((features, features), dim=1))[0]
        by_hand = made.own(features[..., :SIZE]) + made.out(states[:, 6:])
    np.testing.assert_allclose(vectors_of(made, [one])[0], by_hand[0].numpy(), atol=1e-5)


def test_pieces_are_read_as_albums_of_their_own() -> None:
    cut, whole = network(cut=4, bidirectional=True), network(bidirectional=True)
    one = album(10)
    parts = [one.part(rows) for rows in pieces(10, 4)]
    assert [len(part) for part in parts] == [4, 4, 2]
    expected = np.concatenate(vectors_of(whole, parts))
    np.testing.assert_allclose(vectors_of(cut, [one])[0], expected, atol=1e-5)


def test_an_album_of_one_and_photos_of_one_second_are_read() -> None:
    made = network(bidirectional=True)
    for one in (album(1), album(5, seconds=np.zeros(5))):
        assert np.isfinite(vectors_of(made, [one])[0]).all()


def test_features_tell_gaps_the_first_photo_anchors_and_noise() -> None:
    flags = np.array([False, True, False])
    one = album(3, anchors=flags, seconds=np.array([0.0, 0.0, 3600.0]), noise=0.7)
    extra = one.features()[:, SIZE:]
    assert extra.shape == (3, EXTRAS)
    assert extra[1, 0] == 0.0 < extra[2, 0] < 1.0
    np.testing.assert_array_equal(extra[:, 1], [1, 0, 0])
    np.testing.assert_array_equal(extra[:, 2], flags)
    np.testing.assert_allclose(extra[:, 3], 0.7, rtol=1e-5)


def test_times_that_run_back_numbers_that_are_none_and_no_photos_are_refused() -> None:
    with pytest.raises(ValueError, match="chronological"):
        album(2, seconds=np.array([5.0, 4.0]))
    with pytest.raises(ValueError, match="no number"):
        album(2, vectors=np.full((2, SIZE), np.nan, np.float32))
    with pytest.raises(ValueError, match="1 photo or more"):
        album(0, vectors=np.zeros((0, SIZE), np.float32))
    with pytest.raises(ValueError, match="times and flags"):
        album(2, seconds=np.zeros(3))


def test_settings_that_contradict_each_other_are_refused() -> None:
    for wrong in (
        {"offset": 1, "bidirectional": True},
        {"hidden": 0, "repeat": True},
        {"head": "other"},
        {"cut": -1},
    ):
        with pytest.raises(ValueError, match=r"head|offset|LSTM|cut"):
            AlbumModelConfig(name="x", **wrong)  # type: ignore[arg-type]


def test_the_head_of_the_geo_space_learns_nothing_and_keeps_nothing_per_cell() -> None:
    vectors, prior = torch.randn(7, SIZE), torch.zeros(7)
    fixed, learned = (CellHead(vectors, prior, learned=one) for one in (False, True))
    assert not list(fixed.parameters())
    assert not fixed.state_dict()
    assert len(list(learned.parameters())) == 2
    rows = torch.randn(3, SIZE)
    torch.testing.assert_close(fixed(rows), learned(rows))
    with pytest.raises(ValueError, match="expected cells"):
        CellHead(vectors, torch.zeros(6), learned=False)


@pytest.mark.parametrize("kind", [{}, {"bidirectional": True}, {"repeat": True}, {"offset": 2}])
def test_albums_side_by_side_on_a_cpu_give_what_packed_sequences_give(
    kind: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def packed(self: AlbumNetwork, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        assert self.rnn is not None
        sequence = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(
            self.rnn(sequence)[0], batch_first=True, total_length=features.shape[1]
        )[0]

    torch.manual_seed(6)
    config = AlbumModelConfig("x", 8, dimension=SIZE, **kind)  # type: ignore[arg-type]
    made = AlbumNetwork(config)
    made.start_memory(torch.randn(40, SIZE))
    lengths = torch.tensor([3, 9, 1, 7, 7, 2, 5, 4, 9, 6, 1, 8, 3, 2, 5, 5, 4, 7, 9, 1])
    features = torch.randn(len(lengths), 9, SIZE + EXTRAS)
    held = torch.arange(9)[None] < lengths[:, None]
    results = []
    for way in (AlbumNetwork._run_grouped, packed):
        monkeypatch.setattr(AlbumNetwork, "_run_grouped", way)
        made.zero_grad()
        found = made(features, lengths)[held]
        found.square().sum().backward()
        assert made.rnn is not None
        slope = dict(made.rnn.named_parameters())["weight_hh_l0"].grad
        assert slope is not None
        results.append((found.detach(), slope.clone()))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-3, atol=1e-2)


def test_features_of_beliefs_tell_the_doubt() -> None:
    rows = np.zeros((2, SIZE), np.float32)
    rows[0, 0], rows[1, 0] = 0.9, 0.2
    one = AlbumPhotos(rows, np.arange(2.0), np.zeros(2, np.bool_), 0.0)
    np.testing.assert_allclose(one.features()[:, SIZE + EXTRAS - 1], [0.1, 0.8], atol=1e-6)


def test_what_tells_little_hardly_enters_the_memory_at_the_start() -> None:
    torch.manual_seed(7)
    places = torch.nn.functional.normalize(torch.randn(60, SIZE) + 2.0, dim=1)
    middle = torch.nn.functional.normalize(places.mean(dim=0), dim=0)
    telling = torch.nn.functional.normalize(torch.randn(SIZE), dim=0)
    telling = torch.nn.functional.normalize(telling - (telling @ middle) * middle, dim=0)
    made = AlbumNetwork(AlbumModelConfig("x", 8, dimension=SIZE))
    made.start_memory(places)
    said = []
    for first in (middle, telling):
        features = torch.zeros(1, 2, SIZE + EXTRAS)
        features[0, :, :SIZE] = torch.stack((first, middle))
        alone = made(features[:, 1:], torch.tensor([1]))[0, 0]
        said.append(float((made(features, torch.tensor([2]))[0, 1] - alone).detach().norm()))
    assert said[1] > 2.0 * said[0]
