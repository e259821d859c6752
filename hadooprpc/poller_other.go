//go:build !linux

package hadooprpc

import "errors"

// poller exists on Linux only; elsewhere each connection waits on a goroutine.
type poller struct{}

func newPoller(*Server) (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) add(*conn)             {}
func (*poller) arm(*conn, bool) error { return errors.ErrUnsupported }
func (*poller) disarm(*conn) error    { return errors.ErrUnsupported }
func (*poller) forget(*conn)          {}
func (*poller) close()                {}
