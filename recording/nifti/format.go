package nifti

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "nifti", Title: "NIfTI image", Extensions: []string{"nii", "hdr", "img"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case isNIfTI(h.Data):
				return recording.Sure
			case h.Ext == "nii" || h.Ext == "img" || (h.Ext == "hdr" && len(h.Data) >= headerSize1):
				return recording.Likely // opening it will say what is wrong
			}
			return recording.No
		},
		Describe: describe, Arrays: arrays,
	})
	recording.Register(recording.Format{
		Name: "mgh", Title: "MGH image (FreeSurfer)", Extensions: []string{"mgh", "mgz"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case isMGH(h.Data) && (h.Ext == "mgh" || h.Ext == "mgz"):
				return recording.Sure
			case h.Ext == "mgh" || h.Ext == "mgz" || isMGH(h.Data):
				return recording.Likely
			}
			return recording.No
		},
		Describe: describe, Arrays: arrays,
	})
}

// stem names an image's array after its file.
func stem(path string) string {
	base := filepath.Base(path)
	if strings.EqualFold(filepath.Ext(base), ".gz") {
		base = base[:len(base)-3]
	}
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// arrays gives the image as one array, scaled, called what its file is called.
func arrays(path string, names ...string) ([]*recording.Array, error) {
	im, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer im.Close()
	if len(names) > 1 || (len(names) == 1 && names[0] != stem(path)) {
		return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("the one array %q", stem(path)), Expected: "arrays called " + strings.Join(names, ", ")}
	}
	a, err := im.Array()
	if err != nil {
		return nil, err
	}
	a.Name = stem(path)
	return []*recording.Array{a}, nil
}

// describe reads the image through, a slab at a time.
func describe(path string) (*recording.Description, error) {
	im, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer im.Close()
	d := &recording.Description{Title: im.Format + " image"}
	if im.Format == "MGH" {
		d.Title = "MGH image (FreeSurfer)"
	}
	property := func(name, format string, args ...any) {
		d.Properties = append(d.Properties, recording.Property{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	property("voxels", "%s", recording.FormatDims(im.Dims))
	var sizes []string
	for _, z := range im.Zooms[:min(3, len(im.Zooms))] {
		sizes = append(sizes, fmt.Sprintf("%.4g", z))
	}
	property("voxel size", "%s", strings.TrimSpace(strings.Join(sizes, " x ")+" "+im.SpaceUnit))
	if len(im.Zooms) == 4 && im.Zooms[3] > 0 && im.Volumes() > 1 {
		property("volumes", "%d, one every %.4g s", im.Volumes(), im.Zooms[3])
	}
	property("axes", "%s", im.Axes())
	if len(im.Dims) >= 3 {
		p, q := im.Position(0, 0, 0), im.Position(im.Dims[0]-1, im.Dims[1]-1, im.Dims[2]-1)
		property("extent", "(%.4g, %.4g, %.4g) to (%.4g, %.4g, %.4g)", p[0], p[1], p[2], q[0], q[1], q[2])
	}
	if im.Scaled() {
		property("scaling", "stored * %g + %g", im.Slope, im.Inter)
	}
	if text := im.IntentText(); text != "" {
		property("values are", "%s", strings.TrimSpace(text+" "+im.IntentName))
	}
	if im.Description != "" {
		property("description", "%s", im.Description)
	}
	for _, e := range im.Extensions {
		property("extension", "code %d, %d bytes", e.Code, len(e.Data))
	}
	item := recording.Item{Name: stem(path), Type: im.Type, Dims: im.Dims}
	if im.kind.parts == 1 && !strings.HasPrefix(im.Type, "complex") && len(im.Dims) > 0 {
		var sum recording.Range
		err := im.slabs(func(a *recording.Array) error {
			values, err := a.Float64s()
			for _, v := range values {
				sum.Add(v)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		item.Range = &sum
		if sum.NaN+sum.Infinite > 0 {
			d.Warnings = append(d.Warnings, fmt.Sprintf("%d values are not finite", sum.NaN+sum.Infinite))
		}
	}
	d.Items = append(d.Items, item)
	if im.Format == "Analyze 7.5" {
		d.Warnings = append(d.Warnings, "Analyze does not say which side is left: the first axis is taken to run to the left, as SPM and NiBabel take it")
	}
	return d, nil
}

// slabVoxels is about how many voxels are looked at together.
const slabVoxels = 1 << 20

// slabs calls f with the image in pieces along its last axis.
func (im *Image) slabs(f func(*recording.Array) error) error {
	n, err := recording.Count(im.Dims)
	if err != nil || n == 0 {
		return err
	}
	last := len(im.Dims) - 1
	first := make([]int, len(im.Dims))
	shape := append([]int(nil), im.Dims...)
	step := max(1, slabVoxels/max(1, n/im.Dims[last]))
	for first[last] < im.Dims[last] {
		shape[last] = min(step, im.Dims[last]-first[last])
		a, err := im.Read(first, shape)
		if err != nil {
			return err
		}
		if err := f(a); err != nil {
			return err
		}
		first[last] += shape[last]
	}
	return nil
}
