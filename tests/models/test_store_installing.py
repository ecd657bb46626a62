"""Installing by name, from a server on the loopback that plays hub and mirror."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from geotagger.errors import ModelError
from geotagger.models import http, placing, self_check, store
from geotagger.models.catalogue import ModelState, catalogue
from geotagger.models.http import Patience
from geotagger.models.installing import install_known, install_path
from geotagger.models.store import InstalledModel
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.hub import COMMIT, Server, serving, write_index
from tests.support.releases import own_pairs, write_clip, write_head

HEAD = "VicenteVivanco/geoclip-geolocation"
CLIP = "openai/clip-vit-large-patch14"
QUICK = Patience(tries=2, wait_s=0.0, timeout_s=20.0)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both releases as the hub has them, and beside them what must never be fetched."""
    root = tmp_path_factory.mktemp("published")
    write_head(root / HEAD)
    write_clip(root / CLIP)
    for name in ("pytorch_model.bin", "tf_model.h5", "code.py"):
        (root / CLIP / name).write_bytes(b"not asked for")
    return root


@pytest.fixture
def files(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "server"))


@pytest.fixture
def hub(files: Path) -> Iterator[Server]:
    with serving(files) as server:
        yield server


@pytest.fixture(autouse=True)
def pairs_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the release of the test pass for the published one; its tower is another matter."""
    monkeypatch.setattr(self_check, "shipped_pairs", own_pairs)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub-cache"


def _install(hub: Server, root: Path, **more: object) -> InstalledModel:
    given: dict[str, object] = {"endpoint": hub.url, "patience": QUICK, "cache": root / ".none"}
    return install_known("geoclip", root, **{**given, **more})  # type: ignore[arg-type]


def _mirrored(hub: Server, root: Path, **more: object) -> InstalledModel:
    return install_known("geoclip", root, origin=hub.mirror, patience=QUICK, **more)  # type: ignore[arg-type]


def _hidden(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob(".*") if path.name != placing.LOCK_NAME)


def test_a_model_comes_from_the_hub_whole_checked_and_said_where_from(
    hub: Server, root: Path
) -> None:
    seen: list[Progress] = []
    installed = _install(hub, root, progress=seen.append)
    assert store.verify(installed.folder) == installed.config
    config = installed.config
    assert config is not None and config.world and config.name == "geoclip"
    weights = (hub.root / CLIP / "model.safetensors").read_bytes()
    assert (
        config.sources[f"{CLIP}@{COMMIT}/model.safetensors"] == hashlib.sha256(weights).hexdigest()
    )
    assert installed.unchecked == ()
    assert _hidden(root) == [], "what was fetched is gone once the model is there"
    fetching = [one for one in seen if one.what == "Fetching the model"]
    assert fetching[-1].done == fetching[-1].total > 100_000
    assert {one.what for one in seen} == {"Fetching the model", "Copying the model"}


def test_only_numbers_and_text_are_ever_asked_for(hub: Server, root: Path) -> None:
    _install(hub, root)
    asked = {one.path.rpartition("/")[2] for one in hub.requests if "/resolve/" in one.path}
    assert asked == {
        "config.json",
        "model.safetensors",
        "coordinates_100K.csv",
        "preprocessor_config.json",
    }
    for one in hub.requests:
        if "/resolve/" in one.path:
            assert f"/resolve/{COMMIT}/" in one.path, "pinned to the commit that was listed"
    agents = {one.headers["user-agent"] for one in hub.requests}
    assert len(agents) == 1 and agents.pop().startswith("photo-geotagger/")


def test_the_tower_is_asked_for_at_the_commit_that_the_head_states(hub: Server, root: Path) -> None:
    _install(hub, root)
    lists = [one.path for one in hub.requests if one.path.startswith("/api/")]
    assert lists == [
        f"/api/models/{HEAD}/revision/main",
        f"/api/models/{CLIP}/revision/{'0' * 40}",
    ]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "coordinates_100K.csv"])
def test_wrong_bytes_from_the_hub_are_refused(name: str, hub: Server, root: Path) -> None:
    hub.treat(f"{HEAD}/resolve/{COMMIT}/{name}", spoil=True)
    with pytest.raises(ModelError, match="checksum"):
        _install(hub, root)
    assert store.model_folders(root) == []


def test_a_failed_installation_leaves_the_former_model(hub: Server, root: Path) -> None:
    former = _install(hub, root)
    hub.treat("model.safetensors", spoil=True)
    with pytest.raises(ModelError):
        _install(hub, root)
    assert store.verify(former.folder) == former.config


def test_a_cancelled_installation_goes_on_and_fetches_nothing_twice(
    hub: Server, root: Path
) -> None:
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.what == "Fetching the model" and progress.done > 150_000:
            token.cancel()

    with pytest.raises(CancelledError):
        _install(hub, root, progress=stop, cancel=token)
    assert store.model_folders(root) == []
    (row,) = [row for row in catalogue(root) if row.name == "geoclip"]
    assert row.state is ModelState.UNFINISHED and row.fetched_bytes > 100_000
    _install(hub, root)
    for name in ("model.safetensors", "coordinates_100K.csv"):
        size = sum(path.stat().st_size for path in hub.root.rglob(name))
        assert hub.sent(name) <= size + 64 * 1024, "but for what was on the way"
    assert _hidden(root) == []


def test_what_was_fetched_of_a_model_can_be_dropped(hub: Server, root: Path) -> None:
    hub.treat(f"{CLIP}/resolve/{COMMIT}/model.safetensors", missing=True)
    with pytest.raises(http.NotThereError):
        _install(hub, root)
    assert _hidden(root) == [".parts-geoclip"]
    store.remove("geoclip", root)
    assert _hidden(root) == []
    with pytest.raises(ModelError, match="No model"):
        store.remove("geoclip", root)


def test_two_installations_at_once_are_one_too_many(hub: Server, root: Path) -> None:
    with placing.locked(root), pytest.raises(ModelError, match="Another installation"):
        _install(hub, root)
    assert hub.requests == []


@pytest.mark.parametrize("where", ["hub", "mirror"])
def test_a_release_that_fails_its_self_check_is_refused(
    where: str, hub: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with pytest.raises(ModelError, match="self-check"):
        _install(hub, root) if where == "hub" else _mirrored(hub, root)
    assert store.model_folders(root) == []
    assert _hidden(root) == [], "files that are no model are not kept"


def test_a_tower_that_was_never_trained_is_refused(hub: Server, root: Path) -> None:
    shutil.rmtree(hub.root / CLIP)
    write_clip(hub.root / CLIP, trained=False)
    with pytest.raises(ModelError, match="never trained"):
        _install(hub, root)


@pytest.mark.parametrize("name", ["../../outside.csv", "/etc/passwd", "places.pkl", "a/b.csv", 3])
def test_a_gallery_that_leads_elsewhere_is_refused(name: object, hub: Server, root: Path) -> None:
    path = hub.root / HEAD / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "gallery_file": name}))
    with pytest.raises(ModelError, match=r"cannot name|never fetched"):
        _install(hub, root)
    assert not list(root.parent.rglob("outside*"))


def test_a_release_that_wants_another_network_is_refused(hub: Server, root: Path) -> None:
    path = hub.root / HEAD / "config.json"
    raw = json.loads(path.read_text())
    raw["backbone"]["repo_id"] = "somebody/else"
    path.write_text(json.dumps(raw))
    with pytest.raises(ModelError, match="another network"):
        _install(hub, root)


def test_a_release_of_a_newer_format_asks_for_a_newer_program(hub: Server, root: Path) -> None:
    path = hub.root / HEAD / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 2}))
    with pytest.raises(ModelError, match="newer") as caught:
        _install(hub, root)
    assert "Update" in caught.value.remedy


def test_a_pickle_that_calls_itself_safetensors_is_refused(hub: Server, root: Path) -> None:
    import pickle

    (hub.root / CLIP / "model.safetensors").write_bytes(pickle.dumps({"weights": [1.0] * 1000}))
    with pytest.raises(ModelError, match="no safetensors"):
        _install(hub, root)
    assert store.model_folders(root) == []


def test_a_hub_that_states_no_checksum_is_refused(hub: Server, root: Path) -> None:
    hub.listing = lambda files: [{**entry, "lfs": None, "blobId": None} for entry in files]
    with pytest.raises(ModelError, match="no checksum"):
        _install(hub, root)


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>sign in</html>", b"[]", b"{}", b'{"sha": "x", "siblings": []}', b"[" * 99_999],
)
def test_an_answer_that_makes_no_sense_is_told(answer: bytes, hub: Server, root: Path) -> None:
    hub.answer_info = answer
    with pytest.raises(ModelError, match="no sense"):
        _install(hub, root)


def test_a_hub_that_fails_at_first_is_asked_again(hub: Server, root: Path) -> None:
    hub.treat(f"/api/models/{HEAD}/revision/main", fail_first=1, status=503)
    assert _install(hub, root).config is not None


def test_a_repository_that_is_gone_is_told(hub: Server, root: Path) -> None:
    shutil.rmtree(hub.root / HEAD)
    with pytest.raises(http.NotThereError, match="geoclip-geolocation"):
        _install(hub, root)
    assert _hidden(root) == []


def test_a_model_that_no_one_knows_is_not_asked_for(hub: Server, root: Path) -> None:
    for name in ("teapot", "starter"):
        with pytest.raises(ModelError, match=r"is known|comes with"):
            install_known(name, root, endpoint=hub.url, patience=QUICK)
    with pytest.raises(ModelError, match="cannot name a folder"):
        install_known("../x", root, endpoint=hub.url, patience=QUICK)
    assert hub.requests == []


def test_offline_nothing_is_asked_for(
    hub: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(http.OfflineError, match="switched off"):
        _install(hub, root, offline=True)
    with pytest.raises(http.OfflineError, match="switched off"):
        _mirrored(hub, root, offline=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for install in (_install, _mirrored):
        with pytest.raises(http.OfflineError, match="HF_HUB_OFFLINE"):
            install(hub, root)
    assert hub.requests == []


def _fill_cache(cache: Path, files: Path) -> None:
    """Lay the files into a cache as huggingface_hub does."""
    for repo, revision in ((HEAD, "main"), (CLIP, "0" * 40)):
        home = cache / f"models--{repo.replace('/', '--')}"
        commit = COMMIT if revision == "main" else revision
        snapshot = home / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (home / "blobs").mkdir()
        (home / "refs").mkdir()
        (home / "refs" / "main").write_text(commit)
        for path in (files / repo).iterdir():
            blob = home / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
            shutil.copyfile(path, blob)
            (snapshot / path.name).symlink_to(blob)


def test_offline_the_cache_of_the_hub_is_enough(hub: Server, root: Path, cache: Path) -> None:
    _fill_cache(cache, hub.root)
    installed = _install(hub, root, offline=True, cache=cache)
    assert store.verify(installed.folder) == installed.config
    assert hub.requests == []


def test_a_damaged_cache_is_not_believed(hub: Server, root: Path, cache: Path) -> None:
    _fill_cache(cache, hub.root)
    path = (cache / f"models--{CLIP.replace('/', '--')}").rglob("model.safetensors")
    blob = next(path).resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="checksum"):
        _install(hub, root, offline=True, cache=cache)


def test_what_the_cache_has_is_not_fetched_again(hub: Server, root: Path, cache: Path) -> None:
    _fill_cache(cache, hub.root)
    _install(hub, root, cache=cache)
    assert hub.gets("coordinates_100K.csv") == []
    assert [one.path for one in hub.gets("model.safetensors") if HEAD in one.path] == []


def test_a_mirror_with_an_index_is_checked_by_it(hub: Server, root: Path) -> None:
    write_index(hub.root)
    installed = _mirrored(hub, root)
    assert store.verify(installed.folder) == installed.config
    assert installed.unchecked == ()
    hub.treat(f"{CLIP}/model.safetensors", spoil=True)
    with pytest.raises(ModelError, match="checksum"):
        _mirrored(hub, root)


def test_a_plain_mirror_is_told_to_state_no_checksums(hub: Server, root: Path) -> None:
    installed = _mirrored(hub, root)
    assert store.verify(installed.folder) == installed.config
    assert f"{hub.mirror}/{CLIP}/model.safetensors" in installed.unchecked
    assert installed.config is not None and all(installed.config.sources.values())


def test_a_mirror_may_lack_what_need_not_be_there(hub: Server, root: Path) -> None:
    (hub.root / CLIP / "preprocessor_config.json").unlink()
    assert _mirrored(hub, root).config is not None


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({"format_version": 2, "files": {}}, "newer"),
        ({"files": {}}, "format_version"),
        ({"format_version": 1}, "lists no files"),
        ({"format_version": 1, "files": {"../x": {"size": 1, "sha256": "0" * 64}}}, "elsewhere"),
        ({"format_version": 1, "files": {"x": {"size": -1, "sha256": "0" * 64}}}, "no size"),
        ({"format_version": 1, "files": {"x": {"size": 1, "sha256": "no"}}}, "no checksum"),
        ([], "format_version"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_mirrors_index_is_read_with_care(
    index: object, words: str, hub: Server, root: Path
) -> None:
    (hub.root / "index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=words):
        _mirrored(hub, root)


@pytest.mark.parametrize("address", ["https://", "http:///x", "http://a b/", "http://x/?y=1"])
def test_an_address_that_is_none_is_refused(address: str, root: Path) -> None:
    with pytest.raises(ModelError, match="no address"):
        install_known("geoclip", root, origin=address, patience=QUICK)


def test_a_ready_model_folder_can_be_mirrored(hub: Server, root: Path, tmp_path: Path) -> None:
    ready = _install(hub, tmp_path / "elsewhere")
    shutil.copytree(ready.folder, hub.root, dirs_exist_ok=True)
    hub.treat("/mirror/model.safetensors", cut_at=5000)
    installed = _mirrored(hub, root)
    assert ready.config is not None and installed.config is not None
    assert replace(installed.config, sources={}) == replace(ready.config, sources={})
    assert store.verify(installed.folder) == installed.config
    with pytest.raises(ModelError, match="is 'geoclip', not 'mine'"):
        install_known("mine", root, origin=hub.mirror, patience=QUICK)


def test_both_releases_in_a_folder_are_one_model(
    published: Path, root: Path, tmp_path: Path
) -> None:
    assert install_path(published, root).name == "geoclip"
    flat = tmp_path / "flat"
    for repo in (HEAD, CLIP):
        shutil.copytree(published / repo, flat / repo.rpartition("/")[2])
    again = install_known("geoclip", root, origin=flat)
    assert store.verify(again.folder) == again.config
    assert (flat / "clip-vit-large-patch14" / "model.safetensors").is_file()


def test_too_little_space_is_told_before_anything_is_fetched(
    hub: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geotagger.models.disk._MARGIN", 1 << 60)
    with pytest.raises(ModelError, match="too little space"):
        _install(hub, root)
    assert hub.sent("model.safetensors") == 0
