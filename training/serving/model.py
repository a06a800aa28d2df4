"""A packaged model, ready to answer: the ONNX network beside the facts that its `model.json` states.

Everything between pixels and calibrated probabilities is inside the network's graph, so nothing here may
scale, flip or soften anything. May not know HTTP.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import onnxruntime
from PIL import Image

from training.serving.images import decode
from training.serving.room import freely
from training.serving.steps import untimed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.serving.room import Hold
    from training.serving.steps import Timed

NETWORK: Final = "model.onnx"
FACTS: Final = "model.json"


class PackageError(Exception):
    """A folder or archive that is no model package: something is missing, or does not fit together."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What `model.json` says that an answer needs."""

    name: str
    version: str
    classes: tuple[str, ...]
    """Counts in the network's order; the last is open-ended ("6+")."""
    size: tuple[int, int]
    """(width, height) in pixels of the network's input."""
    prior: tuple[float, ...]
    """The class mix that the probabilities were trained on."""

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read the facts from a `model.json`.

        Raises:
            PackageError: a fact is missing, or the prior is not one share for each class.

        """
        try:
            stated = json.loads(text)
            width, height = stated["preprocessing"]["size"]
            facts = cls(
                name=str(stated["name"]),
                version=str(stated["version"]),
                classes=tuple(map(str, stated["classes"])),
                size=(int(width), int(height)),
                prior=tuple(map(float, stated["prior"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PackageError(f"{FACTS} cannot be used: {error!r}") from error
        if len(facts.prior) != len(facts.classes):
            raise PackageError(f"{FACTS} states {len(facts.prior)} priors for {len(facts.classes)} classes")
        return facts


class CountModel:
    """Counts the objects in photos of bins."""

    def __init__(self, facts: ModelFacts, session: onnxruntime.InferenceSession, hold: Hold = freely) -> None:
        self.facts = facts
        self._session = session
        self._hold = hold

    @classmethod
    def load(cls, path: str | Path, *, threads: int = 1, hold: Hold = freely) -> Self:
        """Load a package: the folder or the `model.tar.gz` that holds `model.onnx` and `model.json`.

        `threads` share one inference; answers may be asked from several threads at once in any case. `hold` is asked
        for the memory that decoding a photo takes.

        Raises:
            PackageError: a part is missing, damaged, or the network and the facts disagree.

        """
        network, stated = read_package(Path(path))
        facts = ModelFacts.parse(stated)
        try:
            session = onnxruntime.InferenceSession(network, _options(threads), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base of their own
            raise PackageError(f"{NETWORK} cannot be loaded: {error}") from error
        model = cls(facts, session, hold)
        model._check()
        return model

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return calibrated probabilities, shape (N, classes), of RGB images, shape (N, height, width, 3)."""
        (result,) = self._session.run(["probabilities"], {"images": images})
        return np.asarray(result, dtype=np.float32)

    def answer(self, body: bytes, timed: Timed = untimed) -> dict[str, Any]:
        """Return the endpoint's reply to one photo, given as its JPEG or PNG file; `timed` times the steps to it.

        Raises:
            BadImage: the file is no usable photo.

        """
        image = decode(body, self.facts.size, hold=self._hold, timed=timed)
        with timed("network"):
            probabilities = self.probabilities(image[np.newaxis])[0].astype(np.float64)
        # In double precision the shares sum to 1 as closely as JSON can say it.
        probabilities /= probabilities.sum()
        return {
            "model": f"{self.facts.name}/{self.facts.version}",
            "counts": list(self.facts.classes),
            "probabilities": probabilities.tolist(),
            "prior": list(self.facts.prior),
            "prediction": self.facts.classes[int(probabilities.argmax())],
        }

    def warm_up(self) -> None:
        """Answer one drawn photo of twice the size, so that the first real one finds every buffer ready."""
        width, height = self.facts.size
        file = io.BytesIO()
        Image.linear_gradient("L").resize((2 * width, 2 * height)).convert("RGB").save(file, "JPEG")
        self.answer(file.getvalue())

    def _check(self) -> None:
        """Hold the network against the facts, so that a mixed-up package fails at the start and not later."""
        width, height = self.facts.size
        try:
            shape = self.probabilities(np.zeros((1, height, width, 3), np.uint8)).shape
        except Exception as error:  # onnxruntime's errors share no base of their own
            raise PackageError(f"{NETWORK} does not take {width} x {height} RGB images: {error}") from error
        if shape != (1, len(self.facts.classes)):
            raise PackageError(f"{NETWORK} answers {shape}, but {FACTS} names {len(self.facts.classes)} classes")


def read_package(path: Path) -> tuple[bytes, bytes]:
    """Return the contents of `model.onnx` and `model.json`; an archive is read without unpacking it.

    Raises:
        PackageError: the path holds no such package.

    """
    try:
        if path.is_dir():
            return (path / NETWORK).read_bytes(), (path / FACTS).read_bytes()
        with tarfile.open(path) as archive:
            members = {PurePosixPath(member.name).name: member for member in archive if member.isfile()}
            network, facts = (archive.extractfile(members[name]) for name in (NETWORK, FACTS))
            assert network and facts  # noqa: S101, PT018 - regular files can always be read
            return network.read(), facts.read()
    except (OSError, tarfile.TarError, KeyError) as error:
        raise PackageError(f"{path} is no model package: {error!r}") from error


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads would otherwise spin and take the processor from the one that decodes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
