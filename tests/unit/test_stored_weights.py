"""Weights that were rounded come back close, and small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.stored_weights import read, restored, rounded, save  # noqa: E402 - torch comes first

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.torch


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    kernel = torch.randn(16, 8, 3, 3) * torch.logspace(-4, 2, 16).view(-1, 1, 1, 1)
    kernel[3] = 0
    return {
        "conv.weight": kernel,
        "bn.running_var": torch.tensor([1e-6, 1e6]),
        "bn.num_batches_tracked": torch.tensor(7),
        "head.weight": torch.randn(7, 16),
    }


def test_kernels_in_8_bits_are_off_by_half_a_step_of_their_filters_own_scale(
    weights: dict[str, torch.Tensor],
) -> None:
    back = restored(rounded(weights, eight_bits=True))["conv.weight"]

    step = weights["conv.weight"].abs().amax(dim=(1, 2, 3), keepdim=True) / 127
    assert ((back - weights["conv.weight"]).abs() <= step * 0.501).all()
    assert back[3].equal(torch.zeros(8, 3, 3))


@pytest.mark.parametrize("eight_bits", [True, False])
def test_whatever_else_there_is_keeps_its_name_and_nearly_its_value(
    weights: dict[str, torch.Tensor], *, eight_bits: bool
) -> None:
    back = restored(rounded(weights, eight_bits=eight_bits))

    assert list(back) == list(weights)
    assert torch.allclose(back["head.weight"].float(), weights["head.weight"], rtol=1e-3)
    assert back["bn.running_var"].equal(weights["bn.running_var"])
    assert back["bn.num_batches_tracked"] == 7


def test_what_was_rounded_once_stays_as_it_is(weights: dict[str, torch.Tensor]) -> None:
    once = restored(rounded(weights, eight_bits=True))
    twice = restored(rounded(once, eight_bits=True))

    assert all(torch.allclose(once[name].float(), twice[name].float(), rtol=1e-6) for name in weights)


def test_a_file_gives_back_what_was_saved_and_8_bits_take_half_the_room(
    weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    weights["conv.weight"] = torch.randn(256, 64, 3, 3)
    files = {bits: tmp_path / f"{bits}.pt" for bits in (8, 16)}
    for bits, file in files.items():
        save(rounded(weights, eight_bits=bits == 8), file)

    assert files[8].stat().st_size < 0.6 * files[16].stat().st_size
    for bits, file in files.items():
        expected = restored(rounded(weights, eight_bits=bits == 8))
        assert all(tensor.equal(expected[name]) for name, tensor in read(file).items())


def test_a_plain_state_dict_is_read_as_it_is(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "plain.pth")

    assert all(tensor.equal(weights[name]) for name, tensor in read(tmp_path / "plain.pth").items())
