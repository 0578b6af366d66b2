"""Tables of the library, and how the command line draws them."""

from hwsim.commands.console import console_of
from hwsim.tables import Row, bits, loss, percent, table


def filled():
    result = table("things", "name", "count", "remark", caption="all of them")
    result.columns[-1].left = True
    result.add_row("[bold]a[/bold]", "5", "x")
    result.add_row("b", "1,000", "yz", bold=True)
    return result


def test_a_table_knows_its_cells_without_being_drawn():
    assert [(c.name, c.left, c.wraps) for c in filled().columns] == [
        ("name", True, False),
        ("count", False, False),
        ("remark", True, False),
    ]
    assert filled().rows == [Row(("[bold]a[/bold]", "5", "x")), Row(("b", "1,000", "yz"), bold=True)]


def test_a_table_is_drawn_as_it_is(capsys):
    console_of().print(filled())
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines() if "──" not in line] == [
        "things",
        "",
        "  name             count   remark",
        "  [bold]a[/bold]       5   x",
        "  b                1,000   yz",
        "",
        "all of them",
    ]
    console_of(quiet=True).print(filled())
    assert capsys.readouterr().out == ""


def test_figures_as_text():
    assert [percent(x) for x in (0.5, 0.01, 0.001)] == ["50.00 %", "1.00 %", "0.100 %"]
    assert [loss(x) for x in (0.5, 2e6)] == ["0.5000", "2.000e+06"]
    assert [bits(n) for n in (999, 20_000, 2 * 10**7)] == ["999 bit", "20.0 kbit", "20.0 Mbit"]
