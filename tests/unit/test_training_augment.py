"""What a batch goes through keeps its counts, and follows from the generator alone."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the training environment")

from training.augment import (  # noqa: E402 - torch comes first
    Jitter,
    Look,
    blended,
    cut_and_pasted,
    jittered,
    mixed_up,
    resized,
    softened,
    viewed,
)

pytestmark = pytest.mark.torch

STILL = Jitter(shift=0, zoom=0, brightness=0, contrast=0, tint=0)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(n: int = 8) -> torch.Tensor:
    return torch.rand(n, 3, 20, 20, generator=generator(9)) * 255


def test_without_any_jitter_a_photo_is_itself_or_its_mirror_image() -> None:
    before = photos()

    after = jittered(before, STILL, generator())

    same = [torch.allclose(a, b, atol=0.01) for a, b in zip(after, before, strict=True)]
    mirrored = [torch.allclose(a, b.flip(2), atol=0.01) for a, b in zip(after, before, strict=True)]
    assert all(one or other for one, other in zip(same, mirrored, strict=True))
    assert any(same)
    assert any(mirrored)


def test_jittered_photos_stay_photos() -> None:
    after = jittered(photos(), Jitter(brightness=1, contrast=1), generator())

    assert after.shape == photos().shape
    assert 0 <= after.min() <= after.max() <= 255


def test_the_same_generator_gives_the_same_batch() -> None:
    assert torch.equal(jittered(photos(), Jitter(), generator(3)), jittered(photos(), Jitter(), generator(3)))
    assert not torch.equal(jittered(photos(), Jitter(), generator(3)), jittered(photos(), Jitter(), generator(4)))


def test_each_photo_is_changed_by_itself() -> None:
    twins = photos(1).repeat(6, 1, 1, 1)

    after = jittered(twins, Jitter(), generator())

    assert len({round(float(photo.mean()), 4) for photo in after}) == 6


def test_a_shift_moves_the_frame_by_no_more_than_its_share_of_the_side() -> None:
    dot = torch.zeros(64, 1, 101, 101)
    dot[:, :, 50, 50] = 255
    shift_only = Jitter(shift=0.1, zoom=0, brightness=0, contrast=0, tint=0)

    after = jittered(dot.repeat(1, 3, 1, 1), shift_only, generator())

    rows = after[:, 0].flatten(1).argmax(dim=1) // 101
    assert (rows - 50).abs().max() <= 11
    assert (rows - 50).abs().max() >= 5


@pytest.mark.parametrize("size", [10, 20])
def test_photos_are_shrunk_to_the_size_asked_for(size: int) -> None:
    assert resized(photos(), size).shape == (8, 3, size, size)


def test_a_photo_of_the_right_size_is_left_alone() -> None:
    assert resized(photos(), 20).equal(photos())


@pytest.mark.parametrize(
    ("label", "target"),
    [(0, [0.9, 0.1, 0, 0]), (1, [0.05, 0.9, 0.05, 0]), (3, [0, 0, 0.1, 0.9])],
)
def test_the_neighbouring_counts_get_their_share_of_the_target(label: int, target: list[float]) -> None:
    assert softened(torch.tensor([label]), 4, 0.1)[0].tolist() == pytest.approx(target)


def test_without_a_share_for_the_neighbours_targets_are_certain() -> None:
    assert softened(torch.arange(7), 7, 0).equal(torch.eye(7))


def test_mixing_weighs_photos_and_targets_alike() -> None:
    targets = torch.eye(8)
    telling = targets[:, :, None, None].expand(8, 8, 2, 2) * 255.0

    mixed, mixed_targets = mixed_up(telling, targets, 0.5, generator())

    assert torch.allclose(mixed[:, :, 0, 0] / 255, mixed_targets, atol=1e-5)
    assert torch.allclose(mixed_targets.sum(dim=1), torch.ones(8))
    assert not torch.equal(mixed_targets, targets)


def test_alpha_nought_mixes_nothing() -> None:
    mixed, targets = mixed_up(photos(), torch.eye(8), 0, generator())

    assert mixed.equal(photos())
    assert targets.equal(torch.eye(8))


def test_smoothing_gives_every_class_its_share() -> None:
    assert softened(torch.tensor([0]), 4, 0.0, 0.2)[0].tolist() == pytest.approx([0.85, 0.05, 0.05, 0.05])


@pytest.mark.parametrize("seed", range(5))
def test_a_pasted_box_moves_as_much_of_the_target_as_of_the_area(seed: int) -> None:
    colours = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 20, 20)

    pasted, targets = cut_and_pasted(colours, torch.eye(8), 1.0, generator(seed))

    for photo, target in zip(pasted, targets, strict=True):
        areas = torch.bincount(photo[0].flatten().long(), minlength=8) / 400
        assert torch.allclose(areas, target, atol=1e-6)


def test_photos_are_blended_by_whichever_way_is_wanted() -> None:
    before, targets = photos(), torch.eye(8)

    mixed, _ = blended(before, targets, 1.0, 0.0, generator())
    pasted, _ = blended(before, targets, 0.0, 1.0, generator())

    assert not torch.equal(mixed, before)
    assert torch.isin(pasted, before).all()  # pasting makes no new pixels
    assert not torch.isin(mixed, before).all()
    assert blended(before, targets, 0.0, 0.0, generator())[0].equal(before)


PLAIN = Look(light=STILL, grey=0)


def test_a_window_lies_inside_the_photo_and_shows_as_much_of_it_as_it_should() -> None:
    across = torch.linspace(0, 200, 101).expand(64, 3, 101, 101)

    seen = viewed(across, 50, PLAIN, generator())

    shown = (seen[:, 0].amax(dim=(1, 2)) - seen[:, 0].amin(dim=(1, 2))) / 200
    assert seen.shape == (64, 3, 50, 50)
    assert 0.6**0.5 - 0.03 <= shown.min() < 0.85
    assert 0.93 < shown.max() <= 1
    assert any(photo[0, 0, 0] > photo[0, 0, -1] for photo in seen)  # mirrored
    assert any(photo[0, 0, 0] < photo[0, 0, -1] for photo in seen)


def test_the_whole_photo_is_seen_where_no_window_may_be_smaller() -> None:
    same, before = viewed(photos(), 20, Look(least_area=1, light=STILL, grey=0), generator()), photos()

    assert all(
        torch.allclose(a, b, atol=0.01) or torch.allclose(a, b.flip(2), atol=0.01)
        for a, b in zip(same, before, strict=True)
    )


def test_some_views_have_no_colour_and_all_stay_photos() -> None:
    seen = viewed(photos(64), 16, Look(grey=0.5), generator())

    grey = (seen - seen.mean(dim=1, keepdim=True)).abs().amax(dim=(1, 2, 3)) < 1e-3
    assert 20 < int(grey.sum()) < 44
    assert 0 <= seen.min() <= seen.max() <= 255


def test_two_views_of_a_photo_differ_and_follow_from_the_generator() -> None:
    dice = generator(3)
    one, other = (viewed(photos(), 16, Look(), dice) for _ in range(2))

    assert not torch.equal(one, other)
    assert torch.equal(one, viewed(photos(), 16, Look(), generator(3)))
