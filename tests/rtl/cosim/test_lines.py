"""Recorded lines beside integers of Python: fields of any width at any bit, as words and as digits."""

import numpy as np
import pytest

from rtl.cosim.lines import Lines, words_of

BITS = 167


def integers(n=20):
    rng = np.random.default_rng(1)
    return [int.from_bytes(rng.bytes(-(-BITS // 8)), "little") & ((1 << BITS) - 1) for _ in range(n)]


def files(tmp_path, lines):
    (tmp_path / "words").write_bytes(b"".join(line.to_bytes(4 * words_of(BITS), "little") for line in lines))
    (tmp_path / "digits").write_text("".join(f"{line:0{-(-BITS // 4)}x}\n" for line in lines))
    return Lines.read(tmp_path / "words", BITS), Lines.read_digits(tmp_path / "digits", BITS)


@pytest.mark.parametrize("signed", [False, True])
def test_fields_are_those_of_the_integers(signed, tmp_path):
    lines = integers()
    for found in files(tmp_path, lines):
        assert len(found) == len(lines)
        for first in range(0, 40, 3):
            for width in (1, 2, 7, 31, 32, 33, 63):
                count = min(3, (BITS - first) // width)
                fields = found.fields(first, width, count, signed)
                wanted = [[line >> first + k * width & (1 << width) - 1 for k in range(count)] for line in lines]
                if signed:
                    wanted = [[w - (w >> width - 1 << width) for w in row] for row in wanted]
                assert fields.tolist() == wanted


def test_a_field_of_bits_that_are_not_known_is_refused_and_no_other(tmp_path):
    text = f"{integers(1)[0]:0{-(-BITS // 4)}x}"
    (tmp_path / "digits").write_text(text + "\n" + text[:-3] + "x" + text[-2:] + "\n")
    found = Lines.read_digits(tmp_path / "digits", BITS)
    whole = int(text, 16)
    assert found.fields(0, 8)[:, 0].tolist() == [whole & 0xFF] * 2
    assert found.fields(12, 40)[:, 0].tolist() == [whole >> 12 & (1 << 40) - 1] * 2
    assert found[:1].fields(8, 4)[0, 0] == whole >> 8 & 15
    for first, width in ((8, 4), (0, 9), (11, 1)):
        with pytest.raises(ValueError, match="neither 0 nor 1"):
            found.fields(first, width)


def test_a_line_that_is_not_whole_yet_does_not_count(tmp_path):
    (tmp_path / "words").write_bytes(bytes(4 * words_of(BITS)) + bytes(7))
    (tmp_path / "digits").write_text("0" * 42 + "\n" + "0" * 41)
    assert [len(Lines.read(tmp_path / "words", BITS)), len(Lines.read_digits(tmp_path / "digits", BITS))] == [1, 1]
    assert len(Lines.read(tmp_path / "none", BITS)) == 0
