package crashtests

import (
	"gojn/storage/vfs"
)

// report counts what explore did.
type report struct {
	Scenarios int
	Points    int // operations before which the power was cut, and ends of steps
	Disks     int // distinct disks that were opened and checked
}

// explore runs each scenario on vfs.Inject(wrap(mem), ...) and cuts the power before each operation that changes something
// and behind each step; wrap nil changes nothing. With stopAtFirst the first broken promise ends it, else all are joined.
func explore(scs []scenario, wrap func(vfs.FS) vfs.FS, stopAtFirst bool) (report, error) {
	return report{}, nil
}
