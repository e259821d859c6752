package compat_test

import (
	"os"
	"testing"

	"gojn/compat-tests/hadoop"
)

// in is where a test runs: in CI, and under COMPAT_LONG=1, which has time for every release that it makes sense on.
type in struct{ ci, long []hadoop.Release }

// releaseTable is the rule for all tests that run on releases. In CI most run on one of the two 3.x, and on 2.7.7 too
// where there is time for it; 3.4.2 and 3.5.0 take turns, so that each kind of test sees both of them: pairs and failovers,
// recoveries, directories handed over, upgrades, calls beside a Java node. mixedInCI and upgradeWays go on with it.
var releaseTable = func() map[string]in {
	var (
		v27, v34, v35 = hadoop.Hadoop277, hadoop.Hadoop342, hadoop.Hadoop350
		every         = hadoop.Releases()
		since3        = []hadoop.Release{v34, v35} // 2.7 has no such thing
		both34        = []hadoop.Release{v27, v34}
		both35        = []hadoop.Release{v27, v35}
		only27        = []hadoop.Release{v27}
		only34        = []hadoop.Release{v34}
		only35        = []hadoop.Release{v35}
	)
	return map[string]in{
		"TestHA_ByHand":                 {only27, every},
		"TestHA_ByController":           {only34, every},
		"TestHA_QuorumLost":             {only35, every},
		"TestHA_JournalsKilled":         {nil, every},
		"TestHA_SplitBrain":             {only35, every},
		"TestHA_SplitBrainByController": {nil, every},
		"TestHA_Checkpoints":            {nil, every},
		"TestHA_DiskFull":               {only34, every},
		"TestHA_InProgressTailing":      {nil, since3},
		"TestHA_RollingReplacement":     {only35, every},
		"TestTail_Observer":             {only34, since3},
		"TestTail_Nodes":                {only35, since3},
		"TestTail_CutOff":               {nil, since3},
		"TestTail_Latency":              {nil, only34},
		"TestTail_FullDisk":             {nil, since3},
		"TestTail_MixedQuorum":          {nil, since3},
		"TestSaboteur":                  {only34, every},
		"TestFigures_TenJournals":       {nil, only34},
		"TestWiped_NodeDoesNotVote":     {only35, every},
		"TestWiped_JavaLosesEdits":      {nil, every},
		"TestWiped_SyncFormat":          {nil, only35},
		"TestWiped_FreshCluster":        {nil, every},
		"TestWiped_Alone":               {nil, every},

		"TestHA_Recovery":          {only34, every},
		"TestRecovery_Downloads":   {both35, every},
		"TestRecovery_OtherSource": {both35, every},
		"TestKill_Quorum":          {only34, every},
		"TestStream_SameBytes":     {both34, every},

		"TestHTTPS_Quorum":          {nil, every},
		"TestSync_OursFromJava":     {only35, every},
		"TestSync_JavaFromOurs":     {only34, since3},
		"TestSync_OursFromOurs":     {only35, only35},
		"TestSync_ThousandSegments": {nil, only34},

		"TestSwap_InPlace":          {both35, every},
		"TestSwap_KilledUnderLoad":  {only34, every},
		"TestSwap_Locked":           {both34, every},
		"TestLock_OneDirectory":     {both35, every},
		"TestReserve_JavaIgnoresIt": {both34, every},
		"TestDamage_BesideJava":     {both34, every},
		"TestHA_UpgradeKills":       {only34, every},
		"TestUpgrade_SameTrees":     {both35, every},
		"TestHTTP_GetJournal":       {every, every},
		"TestRPC_ErrorMatrix":       {since3, since3},
		"TestRPC_EditsCache":        {only35, since3},
	}
}()

// mixedInCI are the scenarios of TestHA_MixedQuorum for which there is time in CI; COMPAT_LONG=1 runs them all.
var mixedInCI = []string{
	"SameBytes/2+1/2.7.7", "SameBytes/2+1/3.5.0", "Downloads/1+2/3.4.2", "Downloads/2+1/3.5.0",
}

// upgradeWays are from which release to which TestHA_Upgrade and TestHA_MixedUpgrade go. Within one, and from 3.4.2 to
// 3.5.0, the layout stays what it is.
func upgradeWays() [][2]hadoop.Release {
	if !long() {
		return [][2]hadoop.Release{{hadoop.Hadoop277, hadoop.Hadoop350}} // TestHA_UpgradeKills has 3.4.2
	}
	var ways [][2]hadoop.Release
	for i, before := range hadoop.Releases() {
		for _, after := range hadoop.Releases()[i:] {
			ways = append(ways, [2]hadoop.Release{before, after})
		}
	}
	return ways
}

// releases are where the test runs, by its row in releaseTable.
func releases(t *testing.T) []hadoop.Release {
	t.Helper()
	row, ok := releaseTable[t.Name()]
	if !ok {
		t.Fatalf("%s has no row in releaseTable", t.Name())
	}
	if long() {
		return row.long
	}
	return row.ci
}

// long tells whether there is time for everything (make long).
func long() bool { return os.Getenv("COMPAT_LONG") == "1" }
