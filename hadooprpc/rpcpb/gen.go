// Package rpcpb holds the header messages of Hadoop IPC version 9, generated from proto/. It is a leaf, for hadooprpc only.
package rpcpb

//go:generate go run -C ../../internal/tools ./protogen -proto ../../hadooprpc/rpcpb/proto -out ../../hadooprpc/rpcpb -go_package gojn/hadooprpc/rpcpb
