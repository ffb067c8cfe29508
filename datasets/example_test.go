package datasets_test

import (
	"fmt"
	"path/filepath"

	"github.com/gyrus-dev/gyrus/datasets"
)

// Where a file of a set lies, or would lie. Nothing is downloaded.
func ExampleStore_Path() {
	set, err := datasets.Get("nyc-taxi")
	if err != nil {
		fmt.Println(err)
		return
	}
	path, there := datasets.NewStore("data", "").Path(set, set.Files[0])
	fmt.Println(filepath.ToSlash(path), there, set.Licence)
	// Output: data/nyc-taxi/nyc_taxi.csv false MIT (NAB)
}
