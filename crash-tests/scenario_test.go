package crashtests

import "fmt"

// scenario is a history of RPCs. Its setup is not cut: other scenarios do that.
type scenario struct {
	name         string
	setup, steps []step
}

// step is one RPC, or a restart.
type step struct {
	name string
	do   func(w *world) error
}

func (w *world) run(steps []step) error {
	for i, s := range steps {
		if err := s.do(w); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, s.name, err)
		}
	}
	return nil
}

func format() step { return step{"format", (*world).format} }

// scenarios are histories over every RPC that changes state.
func scenarios() []scenario {
	return []scenario{{name: "format", steps: []step{format()}}}
}
