package hadooprpc

import (
	"context"
	"slices"
	"unicode/utf16"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

// MetaProtocol is the service that every Hadoop RPC server has (Java ProtocolMetaInfoServerSideTranslatorPB).
const MetaProtocol = "org.apache.hadoop.ipc.ProtocolMetaInfoPB"

const kindProtobuf = "RPC_PROTOCOL_BUFFER"

func (s *Server) metaService() *Protocol {
	return &Protocol{
		Name: MetaProtocol, PBClass: MetaProtocol, Version: 1,
		Methods: map[string]Method{
			"getProtocolVersions":  metaMethod(s.protocolVersions, "GetProtocolVersions"),
			"getProtocolSignature": metaMethod(s.protocolSignature, "GetProtocolSignature"),
		},
	}
}

func metaMethod[Req any, PReq interface {
	*Req
	proto.Message
}, Resp proto.Message](h func(context.Context, *Call, PReq) (Resp, error), name string) Method {
	const outer = "org.apache.hadoop.ipc.protobuf.ProtocolInfoProtos$"
	m := Unary(h, nil)
	m.Signature = PBSignature(outer+name+"RequestProto", outer+name+"ResponseProto")
	return m
}

// protocolVersions answers with the versions that are served by protobuf. Real JournalNodes always fail here, since they
// forget a required field for the kinds of RPC that they do not serve (rpc.md 2); nothing is built on it.
func (s *Server) protocolVersions(_ context.Context, _ *Call, req *rpcpb.GetProtocolVersionsRequestProto) (
	*rpcpb.GetProtocolVersionsResponseProto, error,
) {
	p := s.byClass(req.GetProtocol())
	if p == nil {
		return nil, errorf(CodeApplication, ClassClassNotFound, "%s", req.GetProtocol())
	}
	return &rpcpb.GetProtocolVersionsResponseProto{ProtocolVersions: []*rpcpb.ProtocolVersionProto{{
		RpcKind: proto.String(kindProtobuf), Versions: []uint64{p.Version},
	}}}, nil
}

// protocolSignature answers with a hash per method, by which a client tells whether a method is there.
func (s *Server) protocolSignature(_ context.Context, _ *Call, req *rpcpb.GetProtocolSignatureRequestProto) (
	*rpcpb.GetProtocolSignatureResponseProto, error,
) {
	out := &rpcpb.GetProtocolSignatureResponseProto{}
	switch kind := req.GetRpcKind(); kind {
	case kindProtobuf:
	case "RPC_BUILTIN", "RPC_WRITABLE":
		return out, nil
	default:
		return nil, errorf(CodeApplication, ClassIllegalArgument,
			"No enum constant org.apache.hadoop.ipc.RPC.RpcKind.%s", kind)
	}
	p := s.byClass(req.GetProtocol())
	if p == nil {
		return nil, errorf(CodeApplication, ClassClassNotFound, "%s", req.GetProtocol())
	}
	sig := &rpcpb.ProtocolSignatureProto{Version: proto.Uint64(p.Version)}
	for name, m := range p.Methods {
		if m.Signature.Returns != "" {
			sig.Methods = append(sig.Methods, uint32(m.Signature.Fingerprint(name)))
		}
	}
	slices.Sort(sig.Methods)
	out.ProtocolSignature = append(out.ProtocolSignature, sig)
	return out, nil
}

// byClass finds a protocol by its name or by the name of its PB class.
func (s *Server) byClass(name string) *Protocol {
	if p := s.protocols[name]; p != nil {
		return p
	}
	for _, p := range s.protocols {
		if p.PBClass == name {
			return p
		}
	}
	return nil
}

// PBSignature is the signature of a method of a generated blocking interface in Hadoop 3.3 and later: it takes a controller
// and a request.
func PBSignature(request, response string) Signature {
	return Signature{
		Returns: response,
		Params:  []string{"org.apache.hadoop.thirdparty.protobuf.RpcController", request},
	}
}

// Fingerprint is Java's ProtocolSignature.getFingerprint of a method with this signature.
func (s Signature) Fingerprint(method string) int32 {
	h := javaHash(method) + 31*javaHash(s.Returns)
	for _, p := range s.Params {
		h = 31*h ^ javaHash(p)
	}
	return h
}

// javaHash is Java's String.hashCode.
func javaHash(s string) int32 {
	var h int32
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(u)
	}
	return h
}
