package soak

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// profile has profiles of the server written as NAME.cpu, NAME-before.allocs and NAME-after.allocs into the folder that
// -soak-profile names, of the time until end is called, which is d at least. Without that folder it does nothing. Profiling
// takes some processor time: the verdicts of such a run are no measure.
func (k *soak) profile(t testing.TB, name string, d time.Duration) (end func()) {
	t.Helper()
	if *soakProfile == "" {
		return func() {}
	}
	keep := func(file, path string) {
		if err := k.s.save(filepath.Join(*soakProfile, file), path); err != nil {
			t.Errorf("profile %s: %v", file, err)
		}
	}
	keep(name+"-before.allocs", "/debug/pprof/allocs")
	done := make(chan struct{})
	go func() {
		defer close(done)
		keep(name+".cpu", fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(1, int(d.Seconds()))))
	}()
	return func() {
		<-done
		keep(name+"-after.allocs", "/debug/pprof/allocs")
	}
}

// save writes what the administration's listener shows at path to a file.
func (s *served) save(file, path string) error {
	data, err := s.read(path)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o666)
}

// read returns what the administration's listener shows at path.
func (s *served) read(path string) ([]byte, error) {
	response, err := http.Get("http://" + s.Admin + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: got status %s: %.200s", path, response.Status, data)
	}
	return data, err
}
