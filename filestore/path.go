package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// resolve returns the path of the file that a path leads to. The file need not
// exist, even at the end of a symbolic link. Anything else is an error.
func resolve(path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("%s: empty path: name a file", errPrefix)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", errPrefix, err)
	}
	given := path
	const maxLinks = 40
	for range maxLinks {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return "", &NotRegularError{path, info.Mode()}
		}
		dir, base := filepath.Split(path)
		if dir, err := filepath.EvalSymlinks(dir); err == nil { // otherwise opening the file returns the error
			path = filepath.Join(dir, base)
		}
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		if err != nil {
			return "", failed(given, err)
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", failed(given, err)
		}
		if !filepath.IsAbs(to) {
			// Join would shorten x/.., which is wrong if x is a link.
			to = filepath.Dir(path) + string(filepath.Separator) + to
		}
		path = to
	}
	return "", fmt.Errorf("%s: %s: more than %d symbolic links: name the file itself", errPrefix, given, maxLinks)
}
