package hadoop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

var (
	imageName   = regexp.MustCompile(`^fsimage_(\d+)$`)
	loadedImage = regexp.MustCompile(`Loaded image for txid (\d+) from`)
)

// Images returns the last transactions of the images (checkpoints) in the NameNode's directory, sorted; at least one.
func (n *NameNode) Images() ([]int64, error) {
	entries, err := os.ReadDir(filepath.Join(n.name, "current"))
	if err != nil {
		return nil, fmt.Errorf("images of %s: %w", n.ID, err)
	}
	var all []int64
	for _, entry := range entries {
		if m := imageName.FindStringSubmatch(entry.Name()); m != nil {
			txid, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("images of %s: %w", n.ID, err)
			}
			all = append(all, txid)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("images of %s: none", n.ID)
	}
	slices.Sort(all)
	return all, nil
}

// LoadedImage returns the last transaction of the image that the process has loaded at its start.
func (n *NameNode) LoadedImage() (int64, error) {
	m := loadedImage.FindStringSubmatch(n.FullLog())
	if m == nil {
		return 0, fmt.Errorf("%s does not say which image it has loaded", n.ID)
	}
	return strconv.ParseInt(m[1], 10, 64)
}
