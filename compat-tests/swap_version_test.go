package compat_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// oddID is a cluster id that VERSION can only hold with escapes.
const oddID = ` CID:a=b #c!d\e é € 😀 `

const allButLayout = "namespaceID={N}\ncTime={C}\nclusterID={I}\nstorageType=JOURNAL_NODE\n"

// versionRow is a VERSION that a person or another tool could have written. L, N, C and I in braces stand for the
// values.
type versionRow struct {
	name, text string
	clusterID  string
	refused    refusal
}

// versionRows are what java.util.Properties, Integer.parseInt and Long.parseLong take, and what they don't.
var versionRows = []versionRow{
	{name: "order", text: "storageType=JOURNAL_NODE\nlayoutVersion={L}\nclusterID={I}\nnamespaceID={N}\ncTime={C}\n"},
	{name: "comments",
		text: "# a=b \\\n!layoutVersion=7\n \t # x\nlayoutVersion={L}\n#\n  ! y\nnamespaceID={N}\ncTime={C}\n" +
			"clusterID={I}\nstorageType=JOURNAL_NODE\n# end"},
	{name: "crlf",
		text: "#x\r\nlayoutVersion={L}\r\nnamespaceID={N}\r\ncTime={C}\r\nclusterID={I}\r\nstorageType=JOURNAL_NODE\r\n"},
	{name: "cr",
		text: "#x\rlayoutVersion={L}\rnamespaceID={N}\rcTime={C}\rclusterID={I}\rstorageType=JOURNAL_NODE\r"},
	{name: "no-last-newline",
		text: "layoutVersion={L}\nnamespaceID={N}\ncTime={C}\nclusterID={I}\nstorageType=JOURNAL_NODE"},
	{name: "separators",
		text: "layoutVersion: {L}\nnamespaceID {N}\n\tcTime\t=\f{C}\n clusterID   :{I}\nstorageType  JOURNAL_NODE\n"},
	{name: "blank-lines",
		text: "\n \n\t\f\nlayoutVersion={L}\n\n\n" +
			"namespaceID={N}\ncTime={C}\n   \nclusterID={I}\nstorageType=JOURNAL_NODE\n\n"},
	{name: "continued",
		text: "layoutVersion=\\\n{L}\nnamespace\\\n   ID={N}\ncTime\\\r\n\t=\\\n   {C}\nclusterID={I}\\\n" +
			"\nstorageType=JOURNAL\\\n_NODE\\"},
	{name: "escapes",
		text: `\u006CayoutVersion=\u002d{L+}` + "\n" + `n\amespaceID={N}` + "\ncTime={C}\nclusterI\\u0044=\\{I}\n" +
			`storageType=\JOURNAL\u005FNODE` + "\n"},
	{name: "escaped-id", clusterID: oddID, text: "layoutVersion={L}\nnamespaceID={N}\ncTime={C}\n" +
		`clusterID=\ CID\:a\=b\ \#c\!d\\e\ \u00e9 \u20AC \uD83D\ude00 ` + "\nstorageType=JOURNAL_NODE\n"},
	{name: "bare-id", clusterID: oddID, text: "layoutVersion={L}\nnamespaceID={N}\ncTime={C}\n" +
		"clusterID=\\u0020CID:a=b #c!d\\\\e \xe9 \\u20AC \\uD83D\\ude00 \nstorageType=JOURNAL_NODE\n"},
	{name: "rewritten-id", clusterID: oddID}, // as it was written
	{name: "extra-keys",
		text: "blockpoolID=BP-1-127.0.0.1-2\nlayoutVersion={L}\n=\nnamespaceID={N}\nx\ny=\ncTime={C}\n" +
			"clusterID={I}\nz.z=\\:\nstorageType=JOURNAL_NODE\nlayoutversion=9\n"},
	{name: "repeated", text: "layoutVersion=x\nclusterID=y\nlayoutVersion={L}\n" + allButLayout},
	{name: "signs-and-zeros",
		text: "layoutVersion=-000{L+}\nnamespaceID=+0{N}\ncTime=+000{C}\nclusterID={I}\nstorageType=JOURNAL_NODE\n"},
	{name: "byte-order-mark", text: "\xef\xbb\xbf# x\nlayoutVersion={L}\n" + allButLayout},
	{name: "layout-40", text: "layoutVersion=-40\n" + allButLayout},
	{name: "layout-56", text: "layoutVersion=-56\n" + allButLayout},
	{name: "layout-60", text: "layoutVersion=-60\n" + allButLayout},
	{name: "long", text: "#" + strings.Repeat("x", 200<<10) +
		"\nlayoutVersion={L}\n" + allButLayout},

	{name: "newer-layout", refused: serves,
		text: "layoutVersion=-99\n" + allButLayout},
	{name: "older-than-clusters", refused: refuses,
		text: "layoutVersion=-34\nnamespaceID={N}\ncTime={C}\nstorageType=JOURNAL_NODE\n"},
	{name: "blank", refused: refuses, text: "\n"},
	{name: "no-layout", refused: refuses,
		text: "namespaceID={N}\ncTime={C}\nclusterID={I}\nstorageType=JOURNAL_NODE\n"},
	{name: "no-namespace", refused: refuses,
		text: "layoutVersion={L}\ncTime={C}\nclusterID={I}\nstorageType=JOURNAL_NODE\n"},
	{name: "no-ctime", refused: refuses,
		text: "layoutVersion={L}\nnamespaceID={N}\nclusterID={I}\nstorageType=JOURNAL_NODE\n"},
	{name: "no-type", refused: refuses, text: "layoutVersion={L}\nnamespaceID={N}\ncTime={C}\nclusterID={I}\n"},
	{name: "no-id", refused: refuses,
		text: "layoutVersion={L}\nnamespaceID={N}\ncTime={C}\nstorageType=JOURNAL_NODE\n"},
	{name: "other-type", refused: refuses,
		text: "layoutVersion={L}\nnamespaceID={N}\ncTime={C}\nclusterID={I}\nstorageType=NAME_NODE\n"},
	{name: "blank-behind-number", refused: refuses,
		text: "layoutVersion={L}\nnamespaceID={N} \ncTime={C}\nclusterID={I}\nstorageType=JOURNAL_NODE\n"},
	{name: "mark-before-key", refused: refuses,
		text: "\xef\xbb\xbflayoutVersion={L}\n" + allButLayout},
	{name: "cut-escape", refused: refuses,
		text: "layoutVersion={L}\nnamespaceID={N}\ncTime={C}\nclusterID={I}\\u12\nstorageType=JOURNAL_NODE\n"},
}

// swapVersions: of VERSION files that Java has not written so. The taker writes those that it understands anew, in an
// upgrade.
func swapVersions() []swapState {
	var states []swapState
	for _, row := range versionRows {
		s := swapState{
			name: "version-" + row.name, why: "VERSION: " + row.name, build: threeAndTwo, clusterID: row.clusterID,
			work: upgradeAll, refused: row.refused,
		}
		if row.refused == serves {
			s.work = goOn // VERSION stays
		}
		if row.text != "" {
			s.edit = func(root string, j *swapJournal) error {
				return os.WriteFile(root+"/current/VERSION", []byte(row.fill(j)), 0o644)
			}
		}
		states = append(states, s)
	}
	return states
}

func (r versionRow) fill(j *swapJournal) string {
	return strings.NewReplacer(
		"{L}", strconv.Itoa(int(j.ns.LayoutVersion)), "{L+}", strconv.Itoa(-int(j.ns.LayoutVersion)),
		"{N}", strconv.Itoa(int(j.ns.NamespaceID)), "{C}", fmt.Sprint(j.ns.CTime), "{I}", j.ns.ClusterID,
	).Replace(r.text)
}
