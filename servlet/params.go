package servlet

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// params are the parameters of a query. As in Java's getParameter the first value of a name counts, a name without "="
// has the empty value, and only "&" separates.
type params map[string]string

func parseParams(rawQuery string) (params, error) {
	p := params{}
	for pair := range strings.SplitSeq(rawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, fmt.Errorf("unable to parse the query: %w", err)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, fmt.Errorf("unable to parse the query: %w", err)
		}
		if _, again := p[name]; !again {
			p[name] = value
		}
	}
	return p, nil
}

// The classes of java.lang that Java's own parsing throws.
const (
	numberFormat     javaerr.Class = "java.lang.NumberFormatException"
	indexOutOfBounds javaerr.Class = "java.lang.ArrayIndexOutOfBoundsException"
)

// identity is the part of a storageInfo parameter that counts.
type identity struct {
	namespaceID int32
	clusterID   string
}

// parseStorageInfo reads <layoutVersion>:<namespaceID>:<cTime>:<clusterID>; the first and third field are not looked at
// (Java StorageInfo.getNsIdFromColonSeparatedString and getClusterIdFromColonSeparatedString). All after the third colon
// is the cluster id, which Java cuts at the next one.
func parseStorageInfo(s string) (identity, error) {
	// Java's String.split drops empty fields at the end.
	fields := strings.SplitN(strings.TrimRight(s, ":"), ":", 4)
	if len(fields) < 2 {
		return identity{}, outOfBounds(1, len(fields))
	}
	ns, err := strconv.ParseInt(fields[1], 10, 32)
	if err != nil {
		return identity{}, notANumber(fields[1], err)
	}
	if len(fields) < 4 {
		return identity{}, outOfBounds(3, len(fields))
	}
	return identity{namespaceID: int32(ns), clusterID: strings.SplitN(s, ":", 4)[3]}, nil
}

// parseSegmentTxID reads the segmentTxId parameter (Java ServletUtil.parseLongParam).
func parseSegmentTxID(p params) (storage.TxID, error) {
	s, ok := p["segmentTxId"]
	if !ok {
		return 0, javaerr.New(javaerr.IOException, "Invalid request has no segmentTxId parameter")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, notANumber(s, err)
	}
	return storage.TxID(n), nil
}

// parseInProgressOk: only the word false, in any case, is false (Java GetJournalEditServlet). A 2.7 node does not know
// the parameter and its clients do not send it.
func parseInProgressOk(p params) bool {
	return !strings.EqualFold(p["inProgressOk"], "false")
}

func notANumber(s string, cause error) error {
	return &javaerr.Error{Class: numberFormat, Message: fmt.Sprintf("For input string: %q", s), Cause: cause}
}

func outOfBounds(index, length int) error {
	return javaerr.New(indexOutOfBounds, "Index %d out of bounds for length %d", index, length)
}
