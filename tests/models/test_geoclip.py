from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file

from geotagger.errors import ModelError
from geotagger.models.embedder import load_embedder
from geotagger.models.geo_space import load_geo_space
from geotagger.models.geoclip import GeoClip
from geotagger.models.geoclip_release import (
    convert_release,
    is_head_release,
    read_head_release,
)
from geotagger.models.preprocess import decoder_of
from geotagger.models.registry import ModelConfig, read_config
from geotagger.models.weights import sha256_of, tensor_shapes
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.releases import (
    head_by_hand,
    head_tensors,
    own_pairs,
    write_clip,
    write_head,
)


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a head release and the CLIP folder that belongs to it."""
    base = tmp_path_factory.mktemp("hub")
    write_head(base / "head")
    write_clip(base / "clip")
    return base


@pytest.fixture(scope="module")
def made(releases: Path) -> Path:
    convert_release(releases / "head", releases / "clip", releases / "model")
    return releases / "model"


def _photos(folder: Path) -> list[Path]:
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (9, 12, 3), np.uint8)
    picture = Image.fromarray(small).resize((180, 130), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 3
    paths = [folder / name for name in ("a.png", "b.png", "c.png", "d.png")]
    picture.save(paths[0])
    picture.rotate(90, expand=True).save(paths[1])
    picture.save(paths[2], exif=exif)
    picture.resize((20, 33)).save(paths[3])
    return paths


def _reference_logits(releases: Path, photos: list[Path], places: np.ndarray) -> np.ndarray:
    """GeoCLIP's forward pass with CLIPModel and CLIP's own image processor."""
    from transformers import CLIPImageProcessorPil, CLIPModel

    processor = CLIPImageProcessorPil.from_pretrained(releases / "clip")
    clip = CLIPModel.from_pretrained(releases / "clip").eval()
    pictures = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in photos]
    pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
    tensors = head_tensors()
    with torch.inference_mode():
        features = clip.get_image_features(pixel_values=pixels).pooler_output
        vectors = torch.nn.functional.normalize(head_by_hand(tensors, features), dim=1)
    space = load_geo_space(releases / "model").encoder.encode(places[:, 0], places[:, 1])
    return float(tensors["logit_scale"].exp()) * vectors.numpy() @ space.T


def test_logits_equal_those_of_the_published_way(
    releases: Path, made: Path, tmp_path: Path
) -> None:
    photos = _photos(tmp_path)
    space = load_geo_space(made)
    config = read_config(made)
    decode = decoder_of(config)
    network = GeoClip().load(made / "model.safetensors", config, device="cpu")
    vectors = network.run(np.stack([decode(path) for path in photos]))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    places = space.gallery
    ours = space.scale * unit @ space.encoder.encode(places[:, 0], places[:, 1]).T
    wanted = _reference_logits(releases, photos, places)
    assert np.abs(wanted - wanted.mean(axis=0)).max() > 0.5
    np.testing.assert_allclose(ours, wanted, atol=1e-3)


def test_an_installed_release_embeds_photos_as_unit_rows(made: Path, tmp_path: Path) -> None:
    embedder = load_embedder(made, device="torch", pairs=own_pairs())
    decode = decoder_of(embedder.config)
    rows = embedder.embed(np.stack([decode(path) for path in _photos(tmp_path)]))
    assert rows.shape == (4, 16)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    # Turned upside down by its Exif, the third is the first no more.
    assert rows[0] @ rows[2] < 0.9999


def test_the_tower_is_exported_and_gives_the_same_vectors(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOTAGGER_CACHE", str(tmp_path / "cache"))
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    exported = load_embedder(made, device="cpu", threads=1, pairs=own_pairs())
    assert exported.engine.label.startswith("ONNX Runtime"), exported.engine.note
    plain = load_embedder(made, device="torch", threads=1, pairs=own_pairs())
    np.testing.assert_allclose(exported.embed(images), plain.embed(images), atol=1e-4)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "I;16", "1"])
def test_pictures_of_every_mode_give_the_networks_pixels(
    mode: str, made: Path, tmp_path: Path
) -> None:
    picture = Image.fromarray(np.full((40, 90, 3), 156, np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(np.full((40, 90), 156 * 257, np.uint16))
    else:
        picture = picture.quantize(4) if mode == "P" else picture.convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "I;16") else "a.png")
    picture.save(path)
    pixels = decoder_of(read_config(made))(path)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    if mode != "1":
        assert np.abs(pixels.astype(int) - 156).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (50_000, 3), (2, 3000), (32, 32), (33, 31)])
def test_pictures_of_every_shape_give_the_networks_pixels(
    size: tuple[int, int], made: Path, tmp_path: Path
) -> None:
    picture = Image.new("RGB", size, (200, 100, 50))
    picture.save(tmp_path / "a.png")
    pixels = decoder_of(read_config(made))(tmp_path / "a.png")
    assert (pixels == (200, 100, 50)).all()
    assert pixels.shape == (32, 32, 3)


def test_a_converted_folder_names_and_seals_all_its_files(made: Path) -> None:
    config = read_config(made)
    assert config.world
    assert config.embedding_size == 16
    assert config.input_size == 32
    assert config.resample == "bicubic"
    assert config.min_side
    others = {path.name for path in made.iterdir()} - {"config.json", "model.safetensors"}
    assert set(config.files) == others
    assert {"geo.safetensors", "gallery.csv", "vision.json"} <= others
    for name, digest in {**config.files, "model.safetensors": config.sha256}.items():
        assert sha256_of(made / name) == digest
    assert config.size_bytes == sum((made / name).stat().st_size for name in others) + (
        (made / "model.safetensors").stat().st_size
    )


def test_only_what_is_needed_is_taken_and_byte_for_byte(releases: Path, made: Path) -> None:
    names = set(tensor_shapes(made / "model.safetensors"))
    assert not any(name.startswith(("text_", "logit_scale", "location")) for name in names)
    assert GeoClip().recognises(tensor_shapes(made / "model.safetensors"))
    of_clip = load_file(releases / "clip" / "model.safetensors")
    for name, tensor in load_file(made / "model.safetensors").items():
        source = head_tensors() if name.startswith("image_encoder") else of_clip
        assert torch.equal(tensor, source[name])


def test_clip_without_its_text_tower_gives_the_same(releases: Path, tmp_path: Path) -> None:
    whole = load_file(releases / "clip" / "model.safetensors")
    write_clip(tmp_path / "vision", text=False)
    names = load_file(tmp_path / "vision" / "model.safetensors")
    save_file({name: whole[name] for name in names}, tmp_path / "vision" / "model.safetensors")
    config = convert_release(releases / "head", tmp_path / "vision", tmp_path / "out")
    assert sha256_of(tmp_path / "out" / "model.safetensors") == config.sha256
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    one, two = (
        GeoClip().load(folder / "model.safetensors", config, device="cpu").run(images)
        for folder in (tmp_path / "out", releases / "model")
    )
    np.testing.assert_array_equal(one, two)


def test_half_precision_weights_run(releases: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip")
    path = clip / "model.safetensors"
    save_file({name: one.half() for name, one in load_file(path).items()}, path)
    config = convert_release(releases / "head", clip, tmp_path / "out")
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    network = GeoClip().load(tmp_path / "out" / "model.safetensors", config, device="cpu")
    assert np.isfinite(network.run(images)).all()


def test_a_head_release_tells_where_its_backbone_is(releases: Path) -> None:
    head = read_head_release(releases / "head")
    assert head.repo_id == "openai/clip-vit-large-patch14"
    assert head.revision == "0" * 40
    assert is_head_release(releases / "head")
    assert not is_head_release(releases / "clip")
    assert not is_head_release(releases / "nowhere")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": 2}, "newer"),
        ({"format_version": "1"}, "format_version"),
        ({"format_version": True}, "format_version"),
        ({"model_type": "geoclip-location-encoder"}, "model_type"),
        ({"gallery_file": "../../etc/passwd.csv"}, "gallery_file"),
        ({"gallery_file": "gallery.pkl"}, "gallery_file"),
        ({"gallery_file": None}, "gallery_file"),
        ({"backbone": {"repo_id": "x"}}, "revision"),
        ({"backbone": []}, "backbone"),
        ({"sigma": [1, 16]}, "sigma"),
        ({"gallery_file": "none.csv"}, "cannot be read"),
    ],
    ids=str,
)
def test_a_head_release_with_an_impossible_config_is_refused(
    changes: dict[str, object], words: str, releases: Path, tmp_path: Path
) -> None:
    head = write_head(tmp_path / "head")
    raw = json.loads((head / "config.json").read_text())
    (head / "config.json").write_text(json.dumps({**raw, **changes}))
    with pytest.raises(ModelError, match=words):
        convert_release(head, releases / "clip", tmp_path / "out")
    assert not (tmp_path / "out" / "config.json").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("LAT,LON\n1,2\n91,0\n", "row 3"),
        ("LAT,LON\n1,2\nx,0\n", "row 3"),
        ("LAT,LON\n1,nan\n", "row 2"),
        ("LAT,LON\n1\n", "row 2"),
        ("LAT,LON\n", "no places"),
        ("a,b\n1,2\n", "columns"),
        ("", "columns"),
    ],
)
def test_a_damaged_gallery_is_refused(
    text: str, words: str, releases: Path, tmp_path: Path
) -> None:
    head = write_head(tmp_path / "head")
    (head / "coordinates_100K.csv").write_text(text)
    with pytest.raises(ModelError, match=words):
        convert_release(head, releases / "clip", tmp_path / "out")


@pytest.mark.parametrize(
    ("part", "name", "tensor", "words"),
    [
        ("head", "logit_scale", None, "lack"),
        ("head", "logit_scale", torch.tensor(float("nan")), "no numbers"),
        ("head", "logit_scale", torch.tensor(50.0), "impossible"),
        ("head", "image_encoder.mlp.2.bias", None, "lack"),
        ("head", "image_encoder.mlp.0.weight", torch.zeros(24, 25), "shape"),
        ("clip", "visual_projection.weight", None, "lack"),
        ("clip", "vision_model.post_layernorm.bias", torch.zeros(31), "shape"),
    ],
)
def test_a_release_without_the_right_tensors_is_refused(
    part: str,
    name: str,
    tensor: torch.Tensor | None,
    words: str,
    releases: Path,
    tmp_path: Path,
) -> None:
    write_head(tmp_path / "head")
    write_clip(tmp_path / "clip")
    path = tmp_path / part / "model.safetensors"
    tensors = load_file(path)
    del tensors[name]
    if tensor is not None:
        tensors[name] = tensor
    save_file(tensors, path)
    with pytest.raises(ModelError, match=words):
        convert_release(tmp_path / "head", tmp_path / "clip", tmp_path / "out")


def test_weights_cut_short_are_refused(releases: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip")
    path = clip / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ModelError, match="damaged"):
        convert_release(releases / "head", clip, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "siglip"}, "no CLIP"),
        ({"vision_config": "clip"}, "no object"),
        ({"vision_config": {"hidden_size": 10**9}}, "hidden_size"),
        ({"vision_config": {"hidden_act": "import os"}}, "hidden_act"),
        ({"vision_config": {"hidden_act": "nothing"}}, "unknown"),
        ({"vision_config": {"num_attention_heads": 7}}, "fit together"),
    ],
    ids=str,
)
def test_a_clip_folder_with_an_impossible_config_is_refused(
    changes: dict[str, object], words: str, releases: Path, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip")
    raw = json.loads((clip / "config.json").read_text())
    vision = changes.get("vision_config")
    if isinstance(vision, dict):
        changes = {"vision_config": {**raw["vision_config"], **vision}}
    (clip / "config.json").write_text(json.dumps({**raw, **changes}))
    with pytest.raises(ModelError, match=words):
        convert_release(releases / "head", clip, tmp_path / "out")


def test_another_way_to_prepare_photos_is_refused(releases: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip")
    raw = json.loads((clip / "preprocessor_config.json").read_text())
    for changes in ({"resample": 2}, {"do_center_crop": False}, {"image_std": [0.0, 1.0, 1.0]}):
        (clip / "preprocessor_config.json").write_text(json.dumps({**raw, **changes}))
        with pytest.raises(ModelError, match="prepares photos"):
            convert_release(releases / "head", clip, tmp_path / "out")


def test_converting_tells_how_far_it_is_and_stops_when_told(releases: Path, tmp_path: Path) -> None:
    steps, token = list[Progress](), CancelToken()
    convert_release(releases / "head", releases / "clip", tmp_path / "one", progress=steps.append)
    assert steps[-1].done == steps[-1].total > 0
    token.cancel()
    with pytest.raises(CancelledError):
        convert_release(releases / "head", releases / "clip", tmp_path / "two", cancel=token)
    assert not (tmp_path / "two" / "config.json").exists()


def _load(folder: Path, **changes: object) -> ModelConfig:
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**raw, **changes}))
    return read_config(folder)


def test_a_folder_whose_form_is_damaged_does_not_load(releases: Path, tmp_path: Path) -> None:
    convert_release(releases / "head", releases / "clip", tmp_path)
    weights, form = tmp_path / "model.safetensors", tmp_path / "vision.json"
    with pytest.raises(ModelError, match="takes 32 pixels"):
        GeoClip().build(weights, _load(tmp_path, input_size=64))
    config = _load(tmp_path, input_size=32)
    raw = json.loads(form.read_text())
    for text, words in (
        (json.dumps({**raw, "format_version": 9}), "newer"),
        (json.dumps({**raw, "format_version": None}), "format_version"),
        (json.dumps({**raw, "patch_size": 4}), "shape"),
        (json.dumps({**raw, "num_hidden_layers": 3}), "lack"),
        ("[]", "no object"),
        ("{", "not JSON"),
    ):
        form.write_text(text)
        with pytest.raises(ModelError, match=words):
            GeoClip().build(weights, config)
    form.unlink()
    with pytest.raises(ModelError, match=r"lacks its vision\.json"):
        GeoClip().build(weights, config)
