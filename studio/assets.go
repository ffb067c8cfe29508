package studio

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed assets
var coreAssets embed.FS

// coreName is the name below which the frame's own assets are found.
const coreName = "core"

// assets are all files that pages refer to, in memory. Their address holds a digest of all of them, so that browsers may keep them for good,
// and a module finds another by a relative path.
type assets struct {
	digest string
	files  map[string]*asset
}

type asset struct {
	kind   string
	plain  []byte
	zipped []byte // nil if that saves nothing
}

func gatherAssets(sections []Section) (*assets, error) {
	a := &assets{files: map[string]*asset{}}
	core, err := fs.Sub(coreAssets, "assets")
	if err != nil {
		return nil, err
	}
	if err := a.add(coreName, core); err != nil {
		return nil, err
	}
	a.put(coreName+"/figures.css", figureStyles())
	for _, s := range sections {
		if x, ok := s.(Assets); ok {
			if err := a.add(s.Name(), x.Assets()); err != nil {
				return nil, err
			}
		}
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(a.files[name].plain))
		h.Write(a.files[name].plain)
	}
	a.digest = hex.EncodeToString(h.Sum(nil))[:12]
	return a, nil
}

func (a *assets) add(section string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("asset %s/%s: %w", section, name, err)
		}
		a.put(section+"/"+name, data)
		return nil
	})
}

func (a *assets) put(name string, data []byte) {
	f := &asset{plain: data, kind: assetKind(name)}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(data)
	z.Close()
	if b.Len() < len(data)*9/10 {
		f.zipped = b.Bytes()
	}
	a.files[name] = f
}

// assetKind does not ask the system, whose tables differ.
func assetKind(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".wasm":
		return "application/wasm"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func (a *assets) address(name string) (string, error) {
	if a == nil || a.files[name] == nil {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return "/assets/" + a.digest + "/" + name, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) error {
	f := a.files[r.PathValue("name")]
	if f == nil {
		return fs.ErrNotExist
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	if r.PathValue("digest") == a.digest {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := f.plain
	if f.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
	return nil
}
