package hadooprpc

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

// Alive asks the server at addr, "host:port", which protocols it speaks, over a connection of its own: a question that
// every server answers from memory. It returns nil if the server reacts within ctx in any way, also by a refusal or by
// closing the connection because it has too many; otherwise the error says what it was waited for.
func Alive(ctx context.Context, addr string) error {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("no connection: %w", err)
	}
	c, err := NewClient(nc, ClientConfig{Protocol: MetaProtocol, PingInterval: -1})
	if err != nil {
		_ = nc.Close()
		return err
	}
	defer func() { _ = c.Close() }()
	req := &rpcpb.GetProtocolVersionsRequestProto{Protocol: proto.String(MetaProtocol)}
	_ = c.Call(ctx, "getProtocolVersions", req, &rpcpb.GetProtocolVersionsResponseProto{}) // a refusal is an answer
	if ctx.Err() != nil {
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
	return nil
}
