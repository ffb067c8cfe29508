package fif

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Frame is a frame of coordinates.
type Frame int

// The frames, numbered as in the file.
const (
	UnknownFrame Frame = 0
	Device       Frame = 1 // of the sensor array
	Digitiser    Frame = 2
	HeadCoils    Frame = 3
	Head         Frame = 4 // x through the right ear, y through the nasion
	MRI          Frame = 5 // FreeSurfer's surface coordinates
	CTFDevice    Frame = 1001
	CTFHead      Frame = 1004 // also that of 4D and KIT
	MRIVoxel     Frame = 2001
	ScannerRAS   Frame = 2002
	Talairach    Frame = 2003 // MNI
)

func (f Frame) String() string {
	if name, ok := map[Frame]string{UnknownFrame: "unknown", Device: "device", Digitiser: "digitiser", HeadCoils: "head coils", Head: "head",
		MRI: "MRI", CTFDevice: "CTF device", CTFHead: "CTF head", MRIVoxel: "MRI voxel", ScannerRAS: "scanner RAS", Talairach: "MNI Talairach"}[f]; ok {
		return name
	}
	return fmt.Sprintf("frame %d", int(f))
}

// Transform takes coordinates from one frame to another: a rotation (rows of the matrix), then a move in metres.
type Transform struct {
	From, To Frame
	Rotation [3][3]float64
	Move     [3]float64
}

// Apply gives the coordinates of a point in the frame To.
func (t Transform) Apply(p [3]float64) [3]float64 {
	q := t.Turn(p)
	for i := range q {
		q[i] += t.Move[i]
	}
	return q
}

// Turn gives a direction in the frame To.
func (t Transform) Turn(p [3]float64) [3]float64 {
	var q [3]float64
	for i, row := range t.Rotation {
		q[i] = row[0]*p[0] + row[1]*p[1] + row[2]*p[2]
	}
	return q
}

// Inverse is the transform back. It takes the rotation to be one.
func (t Transform) Inverse() Transform {
	back := Transform{From: t.To, To: t.From}
	for i := range back.Rotation {
		for j := range back.Rotation {
			back.Rotation[i][j] = t.Rotation[j][i]
		}
	}
	move := back.Turn(t.Move)
	for i := range move {
		back.Move[i] = -move[i]
	}
	return back
}

// transform reads a tag of a transform; the inverse, which it holds too, is not needed.
func (f *File) transform(t tag) (Transform, error) {
	r, err := f.record(t, formTransform, 56)
	if err != nil {
		return Transform{}, err
	}
	at := func(i int) float64 { return float64(math.Float32frombits(binary.BigEndian.Uint32(r[8+4*i:]))) }
	x := Transform{From: Frame(int32(binary.BigEndian.Uint32(r))), To: Frame(int32(binary.BigEndian.Uint32(r[4:])))}
	for i := range 3 {
		for j := range 3 {
			x.Rotation[i][j] = at(3*i + j)
		}
		x.Move[i] = at(9 + i)
	}
	return x, nil
}
