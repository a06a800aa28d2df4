"""Any classifier becomes a counter, or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.calibrate import Calibration  # noqa: E402 - torch comes first
from training.efficientnet_lite import SamePaddedConv2d  # noqa: E402 - likewise
from training.errors import UnusableBackboneError  # noqa: E402 - likewise
from training.network import (  # noqa: E402 - likewise
    OURS,
    Released,
    Viewing,
    Views,
    build,
    enlarged,
    head_parameters,
    normalise,
)
from training.teachers import Teachers  # noqa: E402 - likewise

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.torch

SMALL = "mobilenet_v3_small"


@pytest.mark.parametrize(
    "architecture", [SMALL, "shufflenet_v2_x0_5", "mobilenet_v2", "resnet50v2_stage3", "efficientnet_lite0"]
)
def test_the_head_has_one_output_per_class(architecture: str) -> None:
    network = build(architecture, 7, None, pretrained=False).eval()

    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 7)
    assert [len(parameter) for parameter in head_parameters(network)] == [7, 7]


@pytest.mark.parametrize(
    ("architecture", "millions"),
    [("efficientnet_lite0", 4.7), ("efficientnet_lite1", 5.4), ("efficientnet_lite2", 6.1)],
)
def test_a_lite_efficientnet_is_as_large_as_published(architecture: str, millions: float) -> None:
    network = build(architecture, 1000, None, pretrained=False)

    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == millions


def test_what_padding_can_not_share_out_goes_to_the_right_and_the_bottom() -> None:
    convolution = SamePaddedConv2d(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(convolution.weight)
    ones = torch.ones(1, 1, 4, 4)

    # The places reach over 3 x 3, 3 x 2 (one column is padding), and so on: nothing is padded left or above.
    assert convolution(ones)[0, 0].tolist() == [[9, 6], [6, 4]]
    assert convolution(torch.ones(1, 1, 5, 5))[0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


@pytest.mark.parametrize("architecture", OURS)
def test_what_torchvision_lacks_needs_weights(architecture: str) -> None:
    with pytest.raises(UnusableBackboneError, match="--backbone-weights"):
        build(architecture, 7, None)


def test_weights_without_a_head_are_enough(tmp_path: Path) -> None:
    donor = build(SMALL, 1000, None, pretrained=False)
    backbone = {name: tensor for name, tensor in donor.state_dict().items() if not name.startswith("classifier.3.")}
    torch.save(backbone, tmp_path / "backbone.pth")

    network = build(SMALL, 7, tmp_path / "backbone.pth")

    assert network.state_dict()["features.0.0.weight"].equal(backbone["features.0.0.weight"])


def test_a_head_for_other_classes_is_left_out(tmp_path: Path) -> None:
    torch.save(build(SMALL, 1000, None, pretrained=False).state_dict(), tmp_path / "thousand.pth")

    assert len(head_parameters(build(SMALL, 7, tmp_path / "thousand.pth"))[0]) == 7


def test_a_released_counter_can_be_trained_on(tmp_path: Path) -> None:
    counter = build(SMALL, 7, None, pretrained=False)
    torch.save(counter.state_dict(), tmp_path / "weights.pt")

    further = build(SMALL, 7, tmp_path / "weights.pt")

    assert all(one.equal(other) for one, other in zip(head_parameters(further), head_parameters(counter), strict=True))


def test_weights_that_leave_the_backbone_unset_are_refused(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "nothing.pth")

    with pytest.raises(UnusableBackboneError, match=r"nothing\.pth"):
        build(SMALL, 7, tmp_path / "nothing.pth")


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    donor = build(SMALL, 1000, None, pretrained=False)
    torch.save(donor.state_dict() | {"stem.weight": torch.zeros(1)}, tmp_path / "other.pth")

    with pytest.raises(UnusableBackboneError, match=r"stem\.weight"):
        build(SMALL, 7, tmp_path / "other.pth")


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(UnusableBackboneError, match="countnet"):
        build("countnet", 7, None)


def test_normalised_pixels_have_imagenets_mean_at_nought() -> None:
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 255

    assert torch.allclose(normalise(mean), torch.zeros(1, 3, 1, 1), atol=1e-6)


def test_a_photo_and_its_mirror_image_get_the_same_answer() -> None:
    asked = Views(build(SMALL, 7, None, pretrained=False).eval())
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)

    with torch.inference_mode():
        assert torch.allclose(asked(images), asked(images.flip(2)), atol=1e-5)


def test_a_network_that_looks_at_a_photo_once_is_asked_about_it_as_it_is() -> None:
    network = build(SMALL, 7, None, pretrained=False).eval()
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)

    with torch.inference_mode():
        once = Views(network, Viewing(mirrored=False))(images)
        expected = network(normalise(images.permute(0, 3, 1, 2).float()))

    assert torch.allclose(once, expected, atol=1e-5)


def test_enlarged_photos_are_larger_and_show_the_same() -> None:
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    larger = enlarged(ramp, 1.5)

    assert larger.shape == (1, 3, 96, 96)
    assert torch.allclose(larger.mean(), ramp.mean(), atol=1e-3)
    assert enlarged(ramp, 1.0) is ramp


def test_a_network_that_wants_photos_enlarged_is_given_them_so() -> None:
    network = SeenSides()
    Views(network, Viewing(enlarge=1.5))(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))

    assert network.sides == [96]


class SeenSides(torch.nn.Module):
    """Remembers the sides of the photos that it is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.sides: list[int] = []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.sides.append(pixels.shape[-1])
        return torch.zeros(len(pixels), 7)


def test_teachers_are_asked_at_the_size_that_each_has_learnt_at() -> None:
    same, smaller = SeenSides(), SeenSides()
    taught = Teachers([same, smaller], [1.0, 0.75])(torch.zeros(2, 3, 64, 64))

    assert (same.sides, smaller.sides) == ([64], [48])
    assert torch.allclose(taught, torch.full((2, 7), 1 / 7))


def test_released_probabilities_are_the_calibrated_ones() -> None:
    calibration = Calibration(2.0, (1.0, 0.9, 1.1, 1.0, 1.2, 0.8, 1.0), (0.1, 0, 0, -0.2, 0, 0, 0.1))
    network = build(SMALL, 7, None, pretrained=False).eval()
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)

    with torch.inference_mode():
        probabilities = Released([Views(network)], calibration)(images)
        logits = Views(network)(images)

    expected = calibration.log_probabilities(logits.numpy())
    assert torch.allclose(probabilities, torch.from_numpy(expected).exp().float(), atol=1e-6)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(3), atol=1e-6)


def test_several_networks_answer_with_the_mean_of_their_logits() -> None:
    networks = [build(SMALL, 7, None, pretrained=False).eval() for _ in range(2)]
    views = [Views(networks[0]), Views(networks[1], Viewing(enlarge=1.5, mirrored=False))]
    neutral = Calibration(1.0, (1.0,) * 7, (0.0,) * 7)
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)

    with torch.inference_mode():
        together = Released(views, neutral)(images)
        expected = torch.softmax((views[0](images) + views[1](images)) / 2, dim=1)

    assert torch.allclose(together, expected, atol=1e-6)
