"""Preferences: how it looks, where places are written to, and the model for look-alikes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QWidget,
)

from desktop import theme
from desktop.dialogs import close_and, column
from desktop.engine import Engine
from desktop.settings.store import Settings
from desktop.work import GENERAL, INTERACTIVE, Job, Work
from geotagger.errors import GeotaggerError, printable
from geotagger.models.store import InstalledModel

_THEMES = ((theme.SYSTEM, "As the system has it"), (theme.LIGHT, "Light"), (theme.DARK, "Dark"))
_SIDECARS = (
    ("auto", "In the file where that is safe, else in a sidecar"),
    ("always", "Always in a sidecar"),
    ("never", "Only in the file, refuse where that is not safe"),
)
_NAMES = (
    ("extension", "With the whole name: photo.nef.xmp"),
    ("adobe", "As Adobe does for RAW files: photo.xmp"),
)
_DEVICES = (
    ("auto", "On the graphics card where it can, else on the processor"),
    ("cuda", "On the graphics card (NVIDIA)"),
    ("cpu", "On the processor"),
    ("torch", "On the processor, by PyTorch alone"),
)


class PreferencesDialog(QDialog):
    """Changes take effect at once."""

    theme_changed = Signal()
    model_installed = Signal()

    def __init__(
        self, settings: Settings, engine: Engine, work: Work, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.setMinimumWidth(560)
        self._settings = settings
        self._engine = engine
        self._work = work
        self._job: Job | None = None
        self.theme = _choice(_THEMES, settings.theme)
        self.sidecar = _choice(_SIDECARS, settings.sidecar)
        self.sidecar_names = _choice(_NAMES, settings.sidecar_names)
        self.place_names = QCheckBox("Also write city, region and country, into sidecars only")
        self.place_names.setChecked(settings.place_names)
        self.place_names.setToolTip(
            "A photo whose place goes into the file gets a sidecar too. Names that you or another "
            "program wrote are kept."
        )
        self.device = _choice(_DEVICES, settings.device or "auto")
        self.model_text = QLabel("Looking…", wordWrap=True)
        self.install_folder = QPushButton("Install model from folder…")
        self.install_file = QPushButton("Install model from file…")
        install = QHBoxLayout()
        install.setSpacing(8)
        install.addWidget(self.install_folder)
        install.addWidget(self.install_file)
        install.addStretch(1)
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.addRow("Theme", self.theme)
        form.addRow("Places are written", self.sidecar)
        form.addRow("New sidecars are named", self.sidecar_names)
        form.addRow("Place names", self.place_names)
        form.addRow("The model runs", self.device)
        form.addRow("Model", self.model_text)
        form.addRow("", install)
        buttons, _ = close_and(self)
        layout = column(self)
        layout.setSpacing(16)
        layout.addLayout(form)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.theme.currentIndexChanged.connect(self._change_theme)
        self.sidecar.currentIndexChanged.connect(self._change_sidecar)
        self.sidecar_names.currentIndexChanged.connect(self._change_names)
        self.device.currentIndexChanged.connect(self._change_device)
        self.place_names.toggled.connect(self._change_place_names)
        self.install_folder.clicked.connect(self._ask_folder)
        self.install_file.clicked.connect(self._ask_file)
        self.finished.connect(self._leave)
        self._look()

    def install(self, source: Path) -> None:
        """Install a model from a folder or a file."""
        self._enable(False)
        self.model_text.setText("Installing and checking…")

        def done(_model: InstalledModel) -> None:
            self._enable(True)
            self._look()
            self.model_installed.emit()

        def failed(error: Exception) -> None:
            self._enable(True)
            if isinstance(error, GeotaggerError):
                self._tell(str(error))
            else:
                self._look()
                self._work.failed_unheard.emit(error)

        self._job = self._work.start(
            GENERAL,
            lambda context: self._engine.install_model(source, context.cancel),
            name="install",
            done=done,
            failed=failed,
            owner=self,
        )

    def _look(self) -> None:
        self._work.latest(
            "models",
            INTERACTIVE,
            lambda _context: self._engine.models(),
            owner=self,
            done=self._show_models,
        )

    def _show_models(self, models: list[InstalledModel]) -> None:
        lines = []
        for model in models:
            if model.config is not None:
                licence = getattr(model.config, "licence", "")
                lines.append(
                    f"{model.name} is installed." + (f" Licence: {licence}." * bool(licence))
                )
            else:
                lines.append(f"{model.name} is damaged: {model.error}")
        if not models:
            lines.append(
                "No model is installed. Photos are placed from the album around them; with a "
                "model also from photos that look alike. Everything stays on this computer."
            )
        lines.append(f"Models lie in {printable(self._engine.models_folder)}.")
        self._tell("\n".join(lines))

    def _tell(self, text: str) -> None:
        self.model_text.setText(text)
        # A form does not make room by itself for text that wraps.
        width = self.width() - self.theme.x() - 16
        self.model_text.setMinimumHeight(self.model_text.heightForWidth(max(320, width)))
        self.adjustSize()

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Install model from folder")
        if chosen:
            self.install(Path(chosen))

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Install model from file", "", "Weights (*.safetensors)"
        )
        if chosen:
            self.install(Path(chosen))

    def _change_theme(self) -> None:
        self._settings.theme = self.theme.currentData()
        self.theme_changed.emit()

    def _change_sidecar(self) -> None:
        self._settings.sidecar = self.sidecar.currentData()

    def _change_names(self) -> None:
        self._settings.sidecar_names = self.sidecar_names.currentData()

    def _change_device(self) -> None:
        self._settings.device = self.device.currentData()
        self._engine.device = self._settings.device

    def _change_place_names(self, on: bool) -> None:
        self._settings.place_names = on

    def _enable(self, on: bool) -> None:
        self.install_folder.setEnabled(on)
        self.install_file.setEnabled(on)

    def _leave(self) -> None:
        if self._job is not None and not self._job.finished:
            self._job.drop()


def _choice(entries: tuple[tuple[str, str], ...], now: str) -> QComboBox:
    box = QComboBox()
    for key, text in entries:
        box.addItem(text, key)
    box.setCurrentIndex(max(0, box.findData(now)))
    return box
