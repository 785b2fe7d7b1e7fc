package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed *.css *.js favicon.svg inter.woff2
var embedded embed.FS

// prefix is the path below which files are served.
const prefix = "/static/"

// contentTypes has every kind of file that is embedded. The machine's own table is
// not used, since it differs between machines.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// file is an embedded file, ready to be served.
type file struct {
	address, hash, contentType string
	plain                      []byte
	// zipped is nil if the content is compressed already.
	zipped []byte
}

// byName and byAddress are filled when the program starts and never change.
var byName, byAddress = load()

// URL returns the address of an embedded file. It panics on the name of a file that
// is not embedded, which is a mistake in our own code.
func URL(name string) string {
	f, ok := byName[name]
	if !ok {
		panic("static: no file " + strconv.Quote(name))
	}
	return f.address
}

// Handler serves the addresses that URL returns, and nothing else.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	f, ok := byAddress[r.URL.Path]
	if !ok {
		// During the rollout of a new version, an older instance may be asked for a
		// file that only the newer instances have.
		header.Set("Cache-Control", "no-store")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Content-Type", f.contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	body, tag := f.plain, f.hash
	if f.zipped != nil && AcceptsGzip(r.Header.Values("Accept-Encoding")) {
		body, tag = f.zipped, f.hash+"-gzip"
		header.Set("Content-Encoding", "gzip")
		// ServeContent leaves the length of encoded content to its caller.
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	header.Set("ETag", strconv.Quote(tag))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// AcceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3). A client without
// the header, or with only "*", gets the file uncompressed.
func AcceptsGzip(values []string) bool {
	for coding := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, parameter, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		weight, weighted := strings.CutPrefix(strings.TrimSpace(strings.ToLower(parameter)), "q=")
		if !weighted {
			return true
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return err == nil && q > 0
	}
	return false
}

// fontName is the file that the stylesheet refers to.
const fontName = "inter.woff2"

func load() (byName, byAddress map[string]file) {
	entries, err := embedded.ReadDir(".")
	if err != nil {
		panic(err) // the compiler has embedded the directory
	}
	byName, byAddress = make(map[string]file, len(entries)), make(map[string]file, len(entries))
	m := minifier()
	font := prepare(fontName, read(fontName))
	for _, entry := range entries {
		plain := read(entry.Name())
		if path.Ext(entry.Name()) == ".css" {
			// The font is below an address that changes with it, as everything is.
			plain = bytes.ReplaceAll(plain, []byte("url("+fontName+")"), []byte("url("+font.address+")"))
		}
		f := prepare(entry.Name(), minified(m, plain, path.Ext(entry.Name())))
		byName[entry.Name()], byAddress[f.address] = f, f
	}
	return byName, byAddress
}

func read(name string) []byte {
	plain, err := embedded.ReadFile(name)
	if err != nil {
		panic(err) // the compiler has embedded the file
	}
	return plain
}

func prepare(name string, plain []byte) file {
	extension := path.Ext(name)
	contentType, ok := contentTypes[extension]
	if !ok {
		panic("static: no content type for " + strconv.Quote(name))
	}
	sum := sha256.Sum256(plain)
	hash := hex.EncodeToString(sum[:6])
	f := file{
		address:     prefix + strings.TrimSuffix(name, extension) + "." + hash + extension,
		hash:        hash,
		contentType: contentType,
		plain:       plain,
	}
	if extension != ".woff2" {
		f.zipped = compress(plain)
	}
	return f
}

func compress(plain []byte) []byte {
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a buffer accepts everything, and the level exists
	}
	return zipped.Bytes()
}
