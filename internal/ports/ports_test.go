package ports

import "testing"

// TestNeverTwice: two allocators, as of two test processes, hand out different ports.
func TestNeverTwice(t *testing.T) {
	seen := make(map[int]bool)
	for range 2 {
		ports := New()
		defer ports.Close()
		for range 40 {
			port, err := ports.Next()
			if err != nil {
				t.Fatal(err)
			}
			if seen[port] {
				t.Fatalf("port %d was handed out twice", port)
			}
			seen[port] = true
		}
	}
}
