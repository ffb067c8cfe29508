package motion

import "fmt"

// Camera is an event camera: each pixel adds up changes of brightness, and where the sum exceeds the threshold it fires, on for brighter and off
// for darker, and the threshold is taken from the sum. A pixel fires at most once in a frame.
type Camera struct {
	threshold float64
	last      []float64
	residual  []float64
}

// NewCamera makes a camera that has seen the first frame.
func NewCamera(first []float64, threshold float64) (*Camera, error) {
	if len(first) == 0 || !(threshold > 0) {
		return nil, fmt.Errorf("an event camera of %d pixels with a threshold of %g", len(first), threshold)
	}
	return &Camera{threshold, append([]float64(nil), first...), make([]float64, len(first))}, nil
}

// Look shows the next frame. It writes 1 into off and on, each like the frame, where a pixel fires, and 0 elsewhere.
func (c *Camera) Look(frame []float64, off, on []byte) error {
	if n := len(c.last); len(frame) != n || len(off) != n || len(on) != n {
		return fmt.Errorf("an event camera of %d pixels was shown a frame of %d, with room for %d and %d events", n, len(frame), len(off), len(on))
	}
	for i, v := range frame {
		r := c.residual[i] + v - c.last[i]
		off[i], on[i] = 0, 0
		if r > c.threshold {
			on[i] = 1
			r -= c.threshold
		} else if r < -c.threshold {
			off[i] = 1
			r += c.threshold
		}
		c.residual[i], c.last[i] = r, v
	}
	return nil
}

// Watch shows a camera an image along a path and hands out the events of each step: those of off and on, each [Height, Width], while the image
// moves as Path.Class of that step says. take must not keep them.
func Watch(im *Image, path *Path, threshold float64, take func(t int, off, on []byte) error) error {
	mover := NewMover(im)
	camera, err := NewCamera(mover.Frame(path.X[0], path.Y[0]), threshold)
	if err != nil {
		return err
	}
	off, on := make([]byte, len(im.Pixels)), make([]byte, len(im.Pixels))
	for t := range path.Class {
		if err := camera.Look(mover.Frame(path.X[t+1], path.Y[t+1]), off, on); err != nil {
			return err
		}
		if err := take(t, off, on); err != nil {
			return err
		}
	}
	return nil
}
