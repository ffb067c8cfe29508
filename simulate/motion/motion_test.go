package motion

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func leaves(t testing.TB, seed uint64) *Image {
	im, err := DeadLeaves(64, 64, 1.5, 20, newRand(seed))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, variance
}

// TestDeadLeaves checks that a spectrum falls about as that of natural images does, 1/f in amplitude, and that edges continue.
func TestDeadLeaves(t *testing.T) {
	low, high, across, within := 0., 0., 0., 0.
	for seed := range uint64(20) {
		im := leaves(t, seed)
		spectrum := newPlane(64, 64).forward(im.Pixels)
		for i := range 64 {
			for j := range 64 {
				power := real(spectrum[i*64+j])*real(spectrum[i*64+j]) + imag(spectrum[i*64+j])*imag(spectrum[i*64+j])
				switch f := math.Hypot(frequency(i, 64), frequency(j, 64)); {
				case f > .045 && f < .055:
					low += power
				case f > .18 && f < .22: // four times the frequency and the width of the ring: sixteen times as many
					high += power / 16
				}
			}
			across += math.Abs(im.Pixels[i*64] - im.Pixels[i*64+63])
			within += math.Abs(im.Pixels[i*64+30] - im.Pixels[i*64+31])
		}
	}
	if slope := math.Log(low/high) / math.Log(4); slope < 1.5 || slope > 3.5 {
		t.Errorf("power falls as f^-%.1f, about 2 was expected", slope)
	}
	if across > 1.5*within || within > 1.5*across {
		t.Errorf("neighbours differ by %g, over the edge by %g", within, across)
	}
	if !slices.Equal(leaves(t, 3).Pixels, leaves(t, 3).Pixels) {
		t.Error("the same seed draws another image")
	}
}

func TestWhitened(t *testing.T) {
	im, err := leaves(t, 1).Whitened(.35)
	if err != nil {
		t.Fatal(err)
	}
	if mean, variance := moments(im.Pixels); math.Abs(mean) > 1e-9 || math.Abs(variance-1) > 1e-9 {
		t.Errorf("mean %g, variance %g", mean, variance)
	}
	if _, err := (&Image{4, 4, make([]float64, 16)}).Whitened(.35); err == nil {
		t.Error("whitened a constant image")
	}
}

// TestMover compares shifts by whole pixels with moving pixels, and others with a wave.
func TestMover(t *testing.T) {
	im := leaves(t, 1)
	m := NewMover(im)
	got := m.Frame(3, -5)
	for y := range 64 {
		for x := range 64 {
			if want := im.Pixels[wrap(y+5, 64)*64+wrap(x-3, 64)]; math.Abs(got[y*64+x]-want) > 1e-9 {
				t.Fatalf("pixel (%d, %d) is %g, want %g", x, y, got[y*64+x], want)
			}
		}
	}
	wave := &Image{16, 32, make([]float64, 16*32)}
	at := func(x, y float64) float64 { return math.Sin(2*math.Pi*(3*x/32+2*y/16)) + math.Cos(2*math.Pi*y/16) }
	for i := range wave.Pixels {
		wave.Pixels[i] = at(float64(i%32), float64(i/32))
	}
	for i, v := range NewMover(wave).Frame(.3, 1.7) {
		if want := at(float64(i%32)-.3, float64(i/32)-1.7); math.Abs(v-want) > 1e-9 {
			t.Fatalf("pixel %d is %g, want %g", i, v, want)
		}
	}
}

func TestPath(t *testing.T) {
	classes := Velocities(12, .5, 1, 2)
	if len(classes) != 36 || classes[0] != (Velocity{.5, 0}) || math.Abs(classes[3*3+2].Y-2) > 1e-12 {
		t.Fatalf("velocities %v", classes)
	}
	p, err := NewPath(50_000, classes, 24, newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	segments := 0
	seen := map[int]bool{}
	for step, class := range p.Class {
		seen[class] = true
		if p.Since[step] == 0 {
			segments++
		} else if p.Since[step] != p.Since[step-1]+1 || class != p.Class[step-1] {
			t.Fatalf("step %d: the motion %d, %d steps old, follows %d", step, class, p.Since[step], p.Class[step-1])
		}
		if dx, dy := p.X[step+1]-p.X[step], p.Y[step+1]-p.Y[step]; math.Abs(dx-classes[class].X)+math.Abs(dy-classes[class].Y) > 1e-9 {
			t.Fatalf("step %d moves by %g, %g", step, dx, dy)
		}
	}
	if mean := 50_000 / float64(segments); mean < 23 || mean > 25 || len(seen) != 36 {
		t.Errorf("segments of %g steps, %d classes", mean, len(seen))
	}
}

// TestCamera follows one pixel by hand.
func TestCamera(t *testing.T) {
	c, err := NewCamera([]float64{0}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for step, s := range []struct {
		value   float64
		off, on byte
	}{{.8, 0, 0}, {1.2, 0, 1}, {1.2, 0, 0}, {4, 0, 1}, {4, 0, 1}, {4, 0, 0}, {1.9, 1, 0}, {1.9, 0, 0}} {
		off, on := []byte{7}, []byte{7}
		if err := c.Look([]float64{s.value}, off, on); err != nil {
			t.Fatal(err)
		}
		if off[0] != s.off || on[0] != s.on {
			t.Errorf("frame %d: off %d, on %d, want %d and %d", step, off[0], on[0], s.off, s.on)
		}
	}
	if err := c.Look([]float64{1, 2}, []byte{0}, []byte{0}); err == nil {
		t.Error("a camera of one pixel saw two")
	}
}

// TestWatch finds the density of events that the sheet of the delay layer measured, and that they follow a motion.
func TestWatch(t *testing.T) {
	events := map[float64]float64{}
	for seed := range uint64(4) {
		im, err := leaves(t, seed).Whitened(.35)
		if err != nil {
			t.Fatal(err)
		}
		path, err := NewPath(200, Velocities(12, .5, 1, 2), 24, newRand(seed+10))
		if err != nil {
			t.Fatal(err)
		}
		for _, threshold := range []float64{1.2, 3} {
			if err := Watch(im, path, threshold, func(_ int, off, on []byte) error {
				for i := range off {
					events[threshold] += float64(off[i]+on[i]) / (4 * 200 * 64 * 64)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for threshold, want := range map[float64]float64{1.2: .18, 3: .024} {
		if got := events[threshold]; got < .6*want || got > 1.5*want {
			t.Errorf("threshold %g: %.3f events per pixel and step, the sheet has %.3f", threshold, got, want)
		}
	}

	im, _ := leaves(t, 1).Whitened(.35)
	path := &Path{Class: make([]int, 40), X: make([]float64, 41), Y: make([]float64, 41)}
	for step := range path.X {
		path.X[step] = float64(step)
	}
	var before []byte
	same, all := 0, 0
	if err := Watch(im, path, 1.2, func(step int, _, on []byte) error {
		if step > 20 {
			for i, b := range on {
				if b == 1 {
					all++
					same += int(before[i/64*64+wrap(i%64-1, 64)])
				}
			}
		}
		before = slices.Clone(on)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if same < all/2 {
		t.Errorf("of %d events of an image that moves a pixel to the right in each step, %d were one to the left a step before", all, same)
	}
}

// TestCloud finds the velocity of a narrow cloud: the frame shifted by it is the next one.
func TestCloud(t *testing.T) {
	c := Cloud{Velocity: Velocity{1, -1}, Frequency: .1, FrequencyBand: .3, SpeedBand: .02, OrientationBand: math.Inf(1)}
	frames, err := c.Frames(64, 64, 64, newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	correlation := func(dx, dy int) (sum float64) {
		for i, v := range frames[10] {
			sum += v * frames[13][wrap(i/64+dy, 64)*64+wrap(i%64+dx, 64)] / 4096
		}
		return sum
	}
	if right, wrong := correlation(3, -3), correlation(-3, 3); right < .8 || wrong > .6*right {
		t.Errorf("frames correlate by %g along the motion, %g against it", right, wrong)
	}
	variance := 0.
	for _, f := range frames {
		_, v := moments(f)
		variance += v / 64
	}
	if math.Abs(variance-1) > .05 {
		t.Errorf("variance %g", variance)
	}
	// A narrow orientation makes a grating: nothing changes along its bars.
	c.Orientation, c.OrientationBand = 0, .1
	if frames, err = c.Frames(16, 64, 64, newRand(1)); err != nil {
		t.Fatal(err)
	}
	along, across := 0., 0.
	for i, v := range frames[3] {
		along += math.Pow(v-frames[3][wrap(i/64+3, 64)*64+i%64], 2)
		across += math.Pow(v-frames[3][i/64*64+wrap(i%64+3, 64)], 2)
	}
	if along > .3*across {
		t.Errorf("a grating changes by %g along its bars and %g across", along, across)
	}
}

func TestRefuses(t *testing.T) {
	if _, err := DeadLeaves(10, 10, 1, 20, newRand(1)); err == nil {
		t.Error("disks larger than the image")
	}
	if _, err := NewPath(10, nil, 5, newRand(1)); err == nil {
		t.Error("a path without motions")
	}
	if _, err := NewCamera([]float64{1}, 0); err == nil {
		t.Error("a threshold of zero")
	}
	if _, err := (Cloud{}).Frames(4, 4, 4, newRand(1)); err == nil {
		t.Error("a cloud without frequency")
	}
}

func BenchmarkFrame(b *testing.B) {
	m := NewMover(leaves(b, 1))
	for b.Loop() {
		m.Frame(.3, .7)
	}
}
