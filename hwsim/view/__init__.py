"""See the machine work: one page that plays what a junction's lanes and memories do, clock by clock."""
