"""Readers and writers that are added, replaced and removed while descriptors are ready."""

import socket


def test_reader_before_writer(loop, pair, poll):
    """Of one descriptor the reader is called first."""
    ours, theirs = pair
    seen = []
    theirs.send(b"x")
    loop.add_writer(ours, seen.append, "writer")
    loop.add_reader(ours, seen.append, "reader")
    poll()
    assert seen[:2] == ["reader", "writer"]
    loop.remove_reader(ours)
    loop.remove_writer(ours)


def test_reader_and_writer_of_one_descriptor(loop, pair, poll):
    ours, theirs = pair
    seen = []
    loop.add_reader(ours, seen.append, "reader")
    loop.add_writer(ours, seen.append, "writer")
    poll()
    assert set(seen) == {"writer"}
    theirs.send(b"x")
    seen.clear()
    poll()
    assert set(seen) == {"reader", "writer"}
    assert loop.remove_writer(ours) is True
    seen.clear()
    poll()
    assert set(seen) == {"reader"}
    assert loop.remove_reader(ours) is True
    seen.clear()
    poll()
    assert seen == []


def test_replaced_callback(loop, pair, poll):
    ours, theirs = pair
    seen = []
    theirs.send(b"x")
    for kind in ("reader", "writer"):
        add, remove = getattr(loop, f"add_{kind}"), getattr(loop, f"remove_{kind}")
        add(ours, seen.append, "old")
        add(ours, seen.append, "new")
        poll()
        assert set(seen) == {"new"}
        assert remove(ours) is True
        assert remove(ours) is False
        seen.clear()


def test_replaced_by_itself_while_it_runs(loop, pair):
    ours, theirs = pair
    seen = []

    def first():
        seen.append("first")
        loop.add_reader(ours, second)

    def second():
        seen.append("second")
        loop.remove_reader(ours)
        loop.stop()

    theirs.send(b"x")
    loop.add_reader(ours, first)
    loop.run_forever()
    assert seen == ["first", "second"]


def test_callback_that_removes_itself(loop, pair, poll):
    ours, theirs = pair
    seen = []

    def readable():
        seen.append(loop.remove_reader(ours))

    theirs.send(b"x")
    loop.add_reader(ours, readable)
    poll()
    poll()
    assert seen == [True]


def test_callbacks_that_remove_each_other_in_one_turn(loop, poll):
    """Both are ready; whichever runs first keeps the other from running."""
    pairs = [socket.socketpair() for _ in range(2)]
    seen = []

    def readable(me, other):
        seen.append(me)
        loop.remove_reader(pairs[other][0])

    for me, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.add_reader(ours, readable, me, 1 - me)
    poll()
    assert len(set(seen)) == 1
    poll()
    assert len(set(seen)) == 1
    loop.remove_reader(pairs[seen[0]][0])
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_reader_that_removes_the_writer_of_one_descriptor(loop, pair, poll):
    ours, theirs = pair
    seen = []

    def readable():
        seen.append("reader")
        loop.remove_reader(ours)
        loop.remove_writer(ours)

    theirs.send(b"x")
    loop.add_reader(ours, readable)
    loop.add_writer(ours, seen.append, "writer")
    poll()
    assert seen == ["reader"]


def test_callback_that_closes_another_descriptor_of_the_turn(loop, poll):
    pairs = [socket.socketpair() for _ in range(2)]
    seen = []

    def readable(me, other):
        seen.append(me)
        loop.remove_reader(pairs[me][0])
        loop.remove_reader(pairs[other][0])
        pairs[other][0].close()

    for me, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.add_reader(ours, readable, me, 1 - me)
    poll()
    assert len(seen) == 1
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_removed_by_an_earlier_callback_of_the_turn(loop, pair, poll):
    """Removal counts even where the descriptor's readiness was already seen."""
    ours, theirs = pair
    theirs.send(b"x")
    seen = []
    loop.add_reader(ours, seen.append, 1)
    loop.call_soon(loop.remove_reader, ours)
    poll()
    assert seen == []
