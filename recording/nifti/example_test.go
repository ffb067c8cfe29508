package nifti_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/nifti"
)

func Example() {
	im, err := nifti.Open("testdata/made-i2.nii")
	if err != nil {
		log.Fatal(err)
	}
	defer im.Close()
	fmt.Println(im.Format, im.Dims, im.Type, im.Zooms[:3], im.SpaceUnit, im.Axes())
	fmt.Println(im.Position(1, 2, 0))
	slice, err := im.Read([]int{0, 0, 1, 0}, []int{4, 3, 1, 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(slice.Dims, slice.Type())
	// Output:
	// NIfTI-1 [4 3 2 2] int16 [3 2 4] mm ALS
	// [6 -17 5.5]
	// [4 3 1 1] float32
}

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "nifti")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "map.nii.gz")
	values := &recording.Array{Dims: []int{2, 2, 2}, Data: []float32{1, 2, 3, 4, 5, 6, 7, 8}}
	if err := nifti.Write(path, values, nifti.WriteOptions{Zooms: []float64{2, 2, 2}}); err != nil {
		log.Fatal(err)
	}
	err = nifti.Write(path, values, nifti.WriteOptions{})
	fmt.Println(err != nil)
	// Output: true
}
