"""Install a known model by name: fetch its files, make one folder of them, check it, put it there.

Nothing is fetched but what `install_known` is called for. What was fetched stays in the store under
a hidden name until the model is installed, so that a later call goes on; `geotagger.models.store.
remove` drops it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from geotagger.errors import ModelError
from geotagger.models import http, placing, store
from geotagger.models.disk import check_space, take_local
from geotagger.models.download import Meter, RemoteFile, fetch, fetched_bytes
from geotagger.models.geoclip_release import convert_release, read_head_release
from geotagger.models.http import Patience
from geotagger.models.known import (
    GEOCLIP,
    KNOWN,
    KnownFile,
    KnownModel,
    Repository,
    installable,
)
from geotagger.models.registry import CONFIG_NAME, WEIGHTS_NAME, ModelConfig, read_config
from geotagger.models.sources import (
    FolderSource,
    HubSource,
    MirrorSource,
    Source,
    checked_name,
    checked_revision,
)
from geotagger.models.store import InstalledModel
from geotagger.models.weights import sha256_of
from geotagger.progress import CancelToken, ProgressCallback

_MODEL_LIMIT = 64 << 30
_CONFIG_LIMIT = 1 << 20
_FETCHING = "Fetching the model"


def install_known(
    name: str,
    root: Path | None = None,
    *,
    origin: str | Path | None = None,
    offline: bool = False,
    endpoint: str | None = None,
    cache: Path | None = None,
    patience: Patience | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> InstalledModel:
    """Fetch and install a model by its name; return what was installed.

    Parameters
    ----------
    name
        A name of `geotagger.models.known`, or of a model folder that a mirror offers.
    root
        The store; None takes the user's.
    origin
        The http or https address of a mirror, or a folder with the files; None takes the model hub.
    offline
        Fetch nothing: huggingface_hub's cache or the folder must have all.
    endpoint, cache
        In place of what huggingface_hub's settings say.
    patience
        How long a server may fail.

    Raises
    ------
    ModelError
        The name is unknown, something cannot be fetched or is not what it should be, the disk is
        full, or the model fails its self-check. The former state holds.
    CancelledError
        The token was cancelled; a later call goes on where this one stopped.
    """
    root = store.default_root() if root is None else root
    store.checked_folder_name(name, root)
    patience = patience or Patience()
    if isinstance(origin, Path) and (origin / CONFIG_NAME).is_file():
        _same_name(read_config(origin), name)
        return store.install_from_folder(origin, root, progress=progress, cancel=cancel)
    with placing.locked(root):
        job = _Job(name, root, patience, progress, cancel)
        try:
            if origin is None:
                source: Source = HubSource(
                    endpoint=endpoint,
                    cache=cache,
                    offline=offline,
                    patience=patience,
                    cancel=cancel,
                )
                return job.from_repositories(installable(name), source)
            if isinstance(origin, str) and http.is_address(origin):
                mirror = MirrorSource(
                    origin, job.parts / "index", offline=offline, patience=patience, cancel=cancel
                )
                config = job.mirrored_config(mirror)
                if config is not None:
                    return job.from_mirrored_folder(mirror, config)
                return job.from_repositories(installable(name), mirror)
            folder = Path(origin)
            if not folder.is_dir():
                raise ModelError("The folder does not exist.", path=folder)
            return job.from_repositories(installable(name), FolderSource(folder))
        except OSError as error:
            raise placing.could_not(error, root / name) from error
        finally:
            job.drop_if_empty()


def install_path(
    path: Path,
    root: Path | None = None,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> InstalledModel:
    """Install what lies at a path: a weights file, a model folder, or a known model's releases.

    See `geotagger.models.store.install` and `install_known`; errors are theirs.
    """
    if path.is_dir() and not (path / CONFIG_NAME).is_file():
        for model in KNOWN:
            if model.repositories and _offers(path, model):
                return install_known(
                    model.name, root, origin=path, progress=progress, cancel=cancel
                )
    return store.install(path, root, progress=progress, cancel=cancel)


def _offers(folder: Path, model: KnownModel) -> bool:
    first = model.repositories[0]
    found = FolderSource(folder).find(first.repo_id, "", CONFIG_NAME, _CONFIG_LIMIT)
    return found is not None


def _same_name(config: ModelConfig, name: str) -> None:
    if config.name != name:
        raise ModelError(
            f"The model there is {config.name!r}, not {name!r}.",
            remedy=f"Install {config.name!r} from it.",
        )


class _Job:
    """One installation under the store's lock."""

    def __init__(
        self,
        name: str,
        root: Path,
        patience: Patience,
        progress: ProgressCallback | None,
        cancel: CancelToken | None,
    ) -> None:
        self.parts = placing.parts_of(root, name)
        self._name = name
        self._root = root
        self._patience = patience
        self._progress = progress
        self._cancel = cancel

    def from_repositories(self, model: KnownModel, source: Source) -> InstalledModel:
        """Install a model whose files lie in repositories."""
        if model.name != GEOCLIP:
            raise ModelError(f"The model {model.name!r} cannot be fetched.")
        head, clip = model.repositories
        self._fetch_all(source, head, head.revision, [head.files[0]])
        head_folder, clip_folder = self._folder(head), self._folder(clip)
        # The configuration names the gallery, and the tower's commit that belongs to this head.
        stated = json.loads((head_folder / CONFIG_NAME).read_bytes())
        if not isinstance(stated, dict):
            raise ModelError(f"The {CONFIG_NAME} of {head.repo_id} is damaged.")
        backbone = stated.get("backbone")
        if not isinstance(backbone, dict) or backbone.get("repo_id") != clip.repo_id:
            raise ModelError(
                f"The release of {head.repo_id} wants another network than {clip.repo_id}.",
                remedy="Update the program.",
            )
        revision = checked_revision(backbone.get("revision"))
        named = [
            replace(file, name=checked_name(stated.get(file.named_by))) if file.named_by else file
            for file in head.files
        ]
        found = self._find_all(source, head, head.revision, named)
        found += self._find_all(source, clip, revision, clip.files)
        self._get(found)
        read_head_release(head_folder)
        return self._convert(head_folder, clip_folder, found)

    def _convert(
        self, head: Path, clip: Path, files: list[tuple[Path, RemoteFile]]
    ) -> InstalledModel:
        final = self._root / self._name
        files = [(folder, file) for folder, file in files if (folder / file.name).is_file()]
        sources = {
            file.source: file.sha256 or sha256_of(folder / file.name, cancel=self._cancel)
            for folder, file in files
        }
        try:
            with placing.workplace(self._root) as temporary:
                check_space((clip / WEIGHTS_NAME).stat().st_size, self._root)
                config = convert_release(
                    head, clip, temporary, progress=self._progress, cancel=self._cancel
                )
                config = replace(config, name=self._name, sources=sources)
                done = store.finish(temporary, final, config, cancel=self._cancel)
        except ModelError as error:
            self._drop_unless_disk(error)
            raise
        shutil.rmtree(self.parts, ignore_errors=True)
        unchecked = tuple(file.source for _, file in files if not file.has_checksum)
        return InstalledModel(done.folder, done.config, unchecked=unchecked)

    def mirrored_config(self, mirror: MirrorSource) -> ModelConfig | None:
        """Return the configuration of the model folder that a mirror is, None if it is none."""
        file = mirror.find("", "", CONFIG_NAME, _CONFIG_LIMIT)
        if file is None:
            return None
        folder = self.parts / "folder"
        try:
            self._get([(folder, file)])
        except http.NotThereError:
            return None
        config = read_config(folder)
        _same_name(config, self._name)
        return config

    def from_mirrored_folder(self, mirror: MirrorSource, config: ModelConfig) -> InstalledModel:
        """Install the model folder that a mirror is; its ``config.json`` has the checksums."""
        folder = self.parts / "folder"
        wanted: list[tuple[Path, RemoteFile]] = []
        for name, digest in {WEIGHTS_NAME: config.sha256, **config.files}.items():
            file = mirror.find("", "", name, config.size_bytes or _MODEL_LIMIT)
            if file is None:
                raise http.NotThereError(f"The mirror has no {name}.")
            if file.sha256 and file.sha256 != digest:
                raise ModelError(f"The mirror's index and its {CONFIG_NAME} disagree about {name}.")
            wanted.append((folder, replace(file, sha256=digest)))
        self._get(wanted)
        config = replace(config, sources={file.source: file.sha256 for _, file in wanted})
        try:
            with placing.workplace(self._root) as temporary:
                for _, file in wanted:
                    take_local(folder / file.name, temporary / file.name, self._cancel)
                final = self._root / self._name
                done = store.finish(temporary, final, config, cancel=self._cancel)
        except ModelError as error:
            self._drop_unless_disk(error)
            raise
        shutil.rmtree(self.parts, ignore_errors=True)
        return done

    def _folder(self, repository: Repository) -> Path:
        return self.parts / repository.repo_id.replace("/", "--")

    def _fetch_all(
        self, source: Source, repository: Repository, revision: str, files: Iterable[KnownFile]
    ) -> None:
        self._get(self._find_all(source, repository, revision, files))

    def _find_all(
        self, source: Source, repository: Repository, revision: str, files: Iterable[KnownFile]
    ) -> list[tuple[Path, RemoteFile]]:
        """Return the files and where they go; those that need not be there may lack."""
        folder, found = self._folder(repository), []
        for wanted in files:
            file = source.find(repository.repo_id, revision, wanted.name, wanted.limit)
            if file is not None:
                found.append((folder, replace(file, required=wanted.required)))
            elif wanted.required:
                raise self._lacks(source, repository, wanted.name)
            else:
                (folder / wanted.name).unlink(missing_ok=True)
        return found

    def _lacks(self, source: Source, repository: Repository, name: str) -> ModelError:
        what = f"{name} of {repository.repo_id}"
        if isinstance(source, HubSource) and not source.online:
            return http.offline(what)
        return http.NotThereError(f"{source.label} has no {what}.")

    def _get(self, files: list[tuple[Path, RemoteFile]]) -> None:
        """Fetch files, as one number of bytes."""
        total = sum(file.size or 0 for _, file in files)
        have = sum(fetched_bytes(file, folder) for folder, file in files)
        self.parts.mkdir(exist_ok=True)
        check_space(max(total - have, 0), self._root)
        meter = Meter(_FETCHING, total, self._progress)
        for folder, file in files:
            try:
                fetch(file, folder, meter=meter, patience=self._patience, cancel=self._cancel)
            except http.NotThereError:
                if file.required:
                    raise

    def _drop_unless_disk(self, error: ModelError) -> None:
        """Throw away files that are no model; a disk that was full is not their fault."""
        if not isinstance(error.__cause__, OSError) and "space" not in error.message:
            shutil.rmtree(self.parts, ignore_errors=True)

    def drop_if_empty(self) -> None:
        """Leave no folder behind in which nothing was fetched."""
        if self.parts.is_dir() and not any(path.is_file() for path in self.parts.rglob("*")):
            shutil.rmtree(self.parts, ignore_errors=True)
