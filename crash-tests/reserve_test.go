package crashtests

import "gojn/storage"

// reserving are histories of a journal that keeps space for a full disk, with room for one small file in it: what finds none
// gives it back, and the next segment, or copy, makes it anew. The other scenarios do without, as it promises nothing.
func reserving() []scenario {
	kept := steps([]step{reserve()}, oneFinal())
	return []scenario{
		{"a reserve is made", steps([]step{reserve()}, formatted()), []step{start(1), write(1, 1, 3, small), finalize(1, 3)}},
		{"a failover with a reserve", kept, []step{newEpoch(2), prepare(4), accept(4, 6, true, small), finalize(4, 6), start(7),
			write(7, 7, 8, small)}},
		{"a failover with a full disk", kept, []step{full(2), newEpoch(2), prepare(4), accept(4, 6, true, small), finalize(4, 6),
			start(7), write(7, 7, 8, small)}},
		{"a record and a writer's epoch with a full disk", steps(kept, []step{newEpoch(2), prepare(4)}), []step{full(1),
			accept(4, 6, true, small), finalize(4, 6), full(1), start(7), write(7, 7, 7, small)}},
		{"a copy with a reserve", kept, []step{newEpoch(2), prepare(4), accept(4, 9, true, 30), finalize(4, 9)}},
		{"an upgrade with a reserve", steps(kept, []step{finalize(4, 6)}),
			[]step{preUpgrade(), upgrade(), newEpoch(2), start(7), write(7, 7, 7, small)}},
		{"a kill with a reserve", kept, []step{kill(), newEpoch(2), prepare(4), finalize(4, 6), start(7)}},
	}
}

// full makes a disk full for the next n small files: the first one is there when a portion was given back, or, as here there
// is only one, the second one when the file itself was.
func full(n int) step {
	return step{"the disk is full", func(w *world) error {
		w.fs.full = n
		return nil
	}}
}

// reserve restarts the node with a reserve.
func reserve() step {
	return step{"reserve", func(w *world) error {
		w.reserve = storage.Reserve{Promises: 64 << 10}
		return w.restart()
	}}
}
