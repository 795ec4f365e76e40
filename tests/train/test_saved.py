"""Which saves there are, which are whole, which are kept: on folders written by hand."""

import pytest

from rareworld.data.atomic import atomic_folder
from rareworld.errors import StoreError
from rareworld.train.config import CheckpointConfig
from rareworld.train.saved import (
    POINTER,
    RECORD,
    SaveRecord,
    best_steps,
    candidates,
    check_files,
    read_pointer,
    read_record,
    record_files,
    records_in,
    remove,
    step_folder,
    steps_in,
    superfluous,
    sweep_all,
)


def write(folder, step: int, loss: float | None = None):
    """Write a save of one small file; return its folder."""
    path = step_folder(folder, step)
    (path / "model").mkdir(parents=True)
    (path / "model" / "weights").write_bytes(bytes(range(100)))
    (path / "train").write_bytes(b"optimizer")
    record = SaveRecord(
        step=step,
        held_out_loss=loss,
        world=1,
        files=record_files(path, [path / "model" / "weights", path / "train"]),
    )
    (path / RECORD).write_text(record.model_dump_json())
    return path


def test_steps_are_listed_in_order_and_nothing_else_is(tmp_path):
    assert steps_in(tmp_path / "none") == ()
    for step in (1000, 5, 2_000_000_000):
        write(tmp_path, step)
    (tmp_path / "step_7").mkdir()
    (tmp_path / ".step_000000009.partial-ab").mkdir()
    (tmp_path / "step_000000011").write_text("a file")
    assert steps_in(tmp_path) == (5, 1000, 2_000_000_000)
    assert step_folder(tmp_path, 5).name == "step_000000005"


@pytest.mark.parametrize(
    ("pointer", "read", "order"),
    [
        ("step_000000020\n", 20, (20, 10, 30)),
        ("step_000000030", 30, (30, 20, 10)),
        ("step_000000025", 25, (20, 10, 30)),  # that save is gone
        ("step_00\x00\xff", None, (30, 20, 10)),
        ("", None, (30, 20, 10)),
        (None, None, (30, 20, 10)),
    ],
)
def test_the_pointer_comes_first_then_what_is_older(pointer, read, order, tmp_path):
    for step in (10, 20, 30):
        write(tmp_path, step)
    if pointer is not None:
        (tmp_path / POINTER).write_bytes(pointer.encode("latin-1"))
    assert read_pointer(tmp_path) == read
    assert candidates(tmp_path) == order


def test_a_whole_save_passes_in_any_number_of_parts(tmp_path):
    path = write(tmp_path, 3, 0.5)
    record = read_record(path)
    assert (record.step, record.held_out_loss, set(record.files)) == (
        3,
        0.5,
        {"model/weights", "train"},
    )
    for parts in (1, 2, 5):
        for part in range(parts):
            check_files(path, record, part, parts)


def cut(path) -> None:
    (path / "model" / "weights").write_bytes(bytes(range(99)))


def flip(path) -> None:
    (path / "model" / "weights").write_bytes(bytes(range(1, 101)))


def drop(path) -> None:
    (path / "model" / "weights").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, r"step_000000003/model/weights: expected 100 bytes, found 99"),
        (flip, r"model/weights: expected the content that was saved"),
        (drop, r"model/weights: expected 100 bytes, found nothing"),
    ],
)
def test_damage_is_found_and_its_file_named(damage, said, tmp_path):
    path = write(tmp_path, 3)
    damage(path)
    with pytest.raises(StoreError, match=said):
        check_files(path, read_record(path))


@pytest.mark.parametrize("text", ["", "{", '{"layout": 2}', '{"step": "x"}', None])
def test_a_damaged_record_is_an_error_and_never_counted(text, tmp_path):
    write(tmp_path, 2)
    path = write(tmp_path, 3)
    (path / RECORD).unlink()
    if text is not None:
        (path / RECORD).write_text(text)
    with pytest.raises(StoreError, match=r"step_000000003/save.json: expected the record"):
        read_record(path)
    assert set(records_in(tmp_path, 10)) == {2}


LOSSES = {10: 0.5, 20: 0.1, 30: None, 40: 0.3, 50: 0.4, 60: None}


@pytest.mark.parametrize(
    ("last", "best", "until", "removed"),
    [
        (3, 1, 60, {10, 30}),  # 20 is the best, 40, 50, 60 the last
        (1, 0, 60, {10, 20, 30, 40, 50}),
        (1, 2, 60, {10, 30, 50}),
        (2, 1, 20, set()),
        (1, 1, 20, set()),  # the newest is the best, and one more is kept
        (1, 1, 40, {10, 30}),
        (9, 1, 60, set()),
    ],
)
def test_the_last_and_the_best_are_kept(last, best, until, removed, tmp_path):
    for step, loss in LOSSES.items():
        write(tmp_path, step, loss)
    config = CheckpointConfig(keep_last=last, keep_best=best)
    records = records_in(tmp_path, until)
    assert set(superfluous(records, config)) == removed


def test_the_newest_save_is_always_kept(tmp_path):
    for step in range(1, 30):
        write(tmp_path, step, 1 / step if step % 2 else float(step))
        for last, best in ((1, 0), (1, 1), (2, 3)):
            config = CheckpointConfig(keep_last=last, keep_best=best)
            assert step not in superfluous(records_in(tmp_path, step), config)


def test_best_steps_are_in_order_of_their_loss(tmp_path):
    for step, loss in LOSSES.items():
        write(tmp_path, step, loss)
    assert best_steps(records_in(tmp_path, 60)) == [20, 40, 50, 10]
    assert best_steps({}) == []


def test_removed_saves_and_leftovers_of_killed_runs_disappear(tmp_path):
    write(tmp_path, 1)
    remove(write(tmp_path, 2))
    (tmp_path / ".step_000000003.partial-0a1b" / "model").mkdir(parents=True)
    (tmp_path / ".latest_checkpoint.txt.partial-77").write_text("half")
    (tmp_path / "notes.txt").write_text("the user's")
    with atomic_folder(step_folder(tmp_path, 4)) as written:  # another writer is at work
        sweep_all(tmp_path)
        names = {item.name for item in tmp_path.iterdir()}
        assert names == {"step_000000001", "notes.txt", written.name}


def test_a_save_can_be_removed_after_a_kill_in_its_removal(tmp_path):
    path = write(tmp_path, 2)
    (tmp_path / f".{path.name}.partial-removed" / "model").mkdir(parents=True)
    remove(path)
    assert list(tmp_path.iterdir()) == []
