package lsl

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// Info describes a stream.
type Info struct {
	Name     string  // such as "BioSemi"
	Type     string  // what it holds: "EEG", "Markers", "Audio" ...
	Channels int     // values of each sample
	Rate     float64 // samples per second; 0 when they come irregularly
	Format   Format
	// SourceID names the device or program, the same each time it offers the stream, so that it is found again.
	SourceID string
	// Desc is what the stream says about itself beyond that, in the layout of the XDF wiki: channels with labels, units
	// and types, the reference, the amplifier; nil when nothing. In the short form of an info it is missing.
	Desc *Element

	// What the outlet fills in.
	Version   int     // of the protocol: 110
	Created   float64 // when, by the outlet's clock, s
	UID       string  // of this outlet
	Session   string  // "default" unless a lab keeps several apart
	Host      string  // name of the outlet's machine
	Address   string  // of the outlet, as the finder sees it
	DataPort  int     // TCP, for data and full infos
	TimePort  int     // UDP, for time synchronisation and queries
	Address6  string  // as the three above, over IPv6; empty and 0 when not offered
	DataPort6 int
	TimePort6 int
}

// Element is an XML element: text or children. Attributes are not used in descriptions of streams and are left out.
type Element struct {
	Name     string
	Text     string
	Children []*Element
}

// Child returns the first child of that name, or nil.
func (e *Element) Child(name string) *Element {
	if e != nil {
		for _, c := range e.Children {
			if c.Name == name {
				return c
			}
		}
	}
	return nil
}

// Value returns the text of the first child of that name.
func (e *Element) Value(name string) string {
	if c := e.Child(name); c != nil {
		return c.Text
	}
	return ""
}

// Add appends a child with a text and returns it.
func (e *Element) Add(name, text string) *Element {
	c := &Element{Name: name, Text: text}
	e.Children = append(e.Children, c)
	return c
}

// Describe sets Desc to channels of the given labels, of one unit ("microvolts") and one type ("EEG"), as the XDF wiki lays out.
func (i *Info) Describe(labels []string, unit, kind string) {
	i.Desc = &Element{Name: "desc"}
	channels := i.Desc.Add("channels", "")
	for _, l := range labels {
		c := channels.Add("channel", "")
		c.Add("label", l)
		if unit != "" {
			c.Add("unit", unit)
		}
		if kind != "" {
			c.Add("type", kind)
		}
	}
}

// Labels returns the channels' names in Desc, or nil when it does not name each of them.
func (i *Info) Labels() []string { return i.each("label") }

// Units returns the channels' units in Desc, or nil when it does not give that of each.
func (i *Info) Units() []string { return i.each("unit") }

func (i *Info) each(field string) []string {
	var out []string
	if channels := i.Desc.Child("channels"); channels != nil {
		for _, c := range channels.Children {
			if v := c.Value(field); c.Name == "channel" && v != "" {
				out = append(out, v)
			}
		}
	}
	if len(out) != i.Channels {
		return nil
	}
	return out
}

// check reports what an outlet cannot offer.
func (i *Info) check() error {
	switch {
	case i.Name == "":
		return errors.New("lsl: the stream has no name")
	case i.Channels < 1 || i.Channels > maxChannels:
		return fmt.Errorf("lsl: the stream %q has %d channels; there must be 1 to %d", i.Name, i.Channels, maxChannels)
	case !(i.Rate >= 0) || math.IsInf(i.Rate, 0):
		return fmt.Errorf("lsl: the stream %q has a rate of %g Hz; it must be 0 (irregular) or positive", i.Name, i.Rate)
	case i.Format < Float32 || i.Format > Int64:
		return fmt.Errorf("lsl: the stream %q has no valid format: %s", i.Name, i.Format)
	}
	return nil
}

// element returns the info as the tree that is sent and that queries look at.
func (i *Info) element(full bool) *Element {
	root := &Element{Name: "info"}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	root.Add("name", i.Name)
	root.Add("type", i.Type)
	root.Add("channel_count", strconv.Itoa(i.Channels))
	root.Add("channel_format", i.Format.String())
	root.Add("source_id", i.SourceID)
	root.Add("nominal_srate", number(i.Rate))
	root.Add("version", number(float64(i.Version)/100))
	root.Add("created_at", number(i.Created))
	root.Add("uid", i.UID)
	root.Add("session_id", i.Session)
	root.Add("hostname", i.Host)
	root.Add("v4address", i.Address)
	root.Add("v4data_port", strconv.Itoa(i.DataPort))
	root.Add("v4service_port", strconv.Itoa(i.TimePort))
	root.Add("v6address", i.Address6)
	root.Add("v6data_port", strconv.Itoa(i.DataPort6))
	root.Add("v6service_port", strconv.Itoa(i.TimePort6))
	if full && i.Desc != nil {
		root.Children = append(root.Children, i.Desc)
	} else {
		root.Add("desc", "")
	}
	return root
}

// XML is the info as it is sent: the full form with Desc, the short form without.
func (i *Info) XML(full bool) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\"?>\n")
	i.element(full).write(&b, "")
	return b.Bytes()
}

func (e *Element) write(b *bytes.Buffer, indent string) {
	b.WriteString(indent + "<" + e.Name)
	switch {
	case len(e.Children) > 0:
		b.WriteString(">\n")
		for _, c := range e.Children {
			c.write(b, indent+"\t")
		}
		b.WriteString(indent + "</" + e.Name + ">\n")
	case e.Text != "":
		b.WriteByte('>')
		xml.EscapeText(b, []byte(e.Text)) // a buffer takes everything
		b.WriteString("</" + e.Name + ">\n")
	default:
		b.WriteString(" />\n")
	}
}

// Limits on the XML of an info.
const (
	maxInfo     = 16 << 20 // bytes
	maxElements = 1 << 19
	maxDepth    = 64
)

// ParseInfo reads an info in its short or full form. The error is a [recording.Error].
func ParseInfo(text []byte) (*Info, error) {
	root, err := parseXML(text)
	if err != nil {
		return nil, err
	}
	fail := func(field, expected string) (*Info, error) {
		return nil, &recording.Error{Field: "stream info, " + field, Offset: -1, Found: fmt.Sprintf("%.80q", root.Value(field)), Expected: expected}
	}
	if root.Name != "info" {
		return nil, &recording.Error{Field: "stream info", Offset: -1, Found: fmt.Sprintf("the element %.80q", root.Name), Expected: "an element info"}
	}
	i := &Info{Name: root.Value("name"), Type: root.Value("type"), SourceID: root.Value("source_id"), UID: root.Value("uid"), Session: root.Value("session_id"),
		Host: root.Value("hostname"), Address: root.Value("v4address"), Address6: root.Value("v6address")}
	if i.Name == "" {
		return fail("name", "a name")
	}
	if i.UID == "" {
		return fail("uid", "an identifier")
	}
	if i.Channels, err = strconv.Atoi(root.Value("channel_count")); err != nil || i.Channels < 1 || i.Channels > maxChannels {
		return fail("channel_count", fmt.Sprintf("1 to %d", maxChannels))
	}
	var ok bool
	if i.Format, ok = parseFormat(root.Value("channel_format")); !ok {
		return fail("channel_format", strings.Join(formatNames[1:], ", "))
	}
	for field, to := range map[string]*float64{"nominal_srate": &i.Rate, "created_at": &i.Created} {
		if *to, err = strconv.ParseFloat(root.Value(field), 64); err != nil || !(*to >= 0) || math.IsInf(*to, 0) {
			return fail(field, "a number that is not negative")
		}
	}
	version, err := strconv.ParseFloat(root.Value("version"), 64)
	if err != nil || !(version > 0 && version < 1000) {
		return fail("version", "a protocol version such as 1.1")
	}
	i.Version = int(math.Round(100 * version))
	for field, to := range map[string]*int{"v4data_port": &i.DataPort, "v4service_port": &i.TimePort, "v6data_port": &i.DataPort6, "v6service_port": &i.TimePort6} {
		if *to, err = strconv.Atoi(root.Value(field)); err != nil || *to < 0 || *to > 65535 {
			return fail(field, "a port, or 0 for none")
		}
	}
	if d := root.Child("desc"); d != nil && (len(d.Children) > 0 || d.Text != "") {
		i.Desc = d
	}
	return i, nil
}

// parseXML reads an XML document into elements.
func parseXML(text []byte) (*Element, error) {
	fail := func(found string, err error) (*Element, error) {
		return nil, &recording.Error{Field: "stream info", Offset: -1, Found: found, Expected: "an XML document of at most 16 MiB", Err: err}
	}
	if len(text) > maxInfo {
		return fail(fmt.Sprintf("%d bytes", len(text)), nil)
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // senders write UTF-8 whatever they say
	var root *Element
	var open []*Element
	for count := 0; ; {
		t, err := d.Token()
		if err == io.EOF && root != nil && len(open) == 0 {
			return root, nil
		}
		if err != nil {
			return fail("", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			e := &Element{Name: t.Name.Local}
			if count++; count > maxElements || len(open) >= maxDepth {
				return fail(fmt.Sprintf("more than %d elements or %d levels", maxElements, maxDepth), nil)
			}
			switch {
			case len(open) > 0:
				p := open[len(open)-1]
				p.Children = append(p.Children, e)
			case root != nil:
				return fail("two elements at the top", nil)
			default:
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			e := open[len(open)-1]
			if e.Text = strings.TrimSpace(e.Text); len(e.Children) > 0 {
				e.Text = ""
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				e := open[len(open)-1]
				if len(e.Children) == 0 {
					e.Text += string(t)
				}
			}
		}
	}
}
