package servlet

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// FuzzParseParams: what Go's own encoder writes is read back, whatever the values; any text either parses or fails, and
// what parses was in the text.
func FuzzParseParams(f *testing.F) {
	f.Add("jid=ns1&segmentTxId=1", "ns1", "-63:1073741825:0:CID-x")
	f.Add("&&=&a", "", "a&b=c;d+e%")
	f.Add("%zz", "\x00\xff", "ü")
	f.Fuzz(func(t *testing.T, raw, jid, info string) {
		p, err := parseParams("jid=" + url.QueryEscape(jid) + "&storageInfo=" + url.QueryEscape(info))
		if err != nil || p["jid"] != jid || p["storageInfo"] != info || len(p) != 2 {
			t.Fatalf("%q %q became %q, %v", jid, info, p, err)
		}
		p, err = parseParams(raw)
		if err == nil && len(p) > strings.Count(raw, "&")+1 {
			t.Fatalf("%q became %q", raw, p)
		}
	})
}

// FuzzParseStorageInfo: the identity that StorageInfo.toColonSeparatedString writes is read back, whatever the cluster id,
// unless that is nothing but colons; any text either parses or fails.
func FuzzParseStorageInfo(f *testing.F) {
	f.Add("junk", int32(-63), int32(1073741825), int64(0), "CID-x")
	f.Add("::::", int32(0), int32(0), int64(-1), "a:b:")
	f.Add("1:2:3:", int32(0), int32(-1), int64(1), ":x")
	f.Fuzz(func(t *testing.T, raw string, lv, ns int32, ctime int64, clusterID string) {
		if id, err := parseStorageInfo(raw); err == nil && !strings.HasSuffix(raw, ":"+id.clusterID) {
			t.Fatalf("%q became %+v", raw, id)
		}
		got, err := parseStorageInfo(fmt.Sprintf("%d:%d:%d:%s", lv, ns, ctime, clusterID))
		if strings.Trim(clusterID, ":") == "" {
			if err == nil {
				t.Fatalf("cluster id %q was taken", clusterID)
			}
			return
		}
		if err != nil || got != (identity{ns, clusterID}) {
			t.Fatalf("%q became %+v, %v", clusterID, got, err)
		}
	})
}
