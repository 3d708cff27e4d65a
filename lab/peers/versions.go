package main

/*
#include <libavutil/avutil.h>
#include <gst/gst.h>
#include <jconfig.h>
#include <libyuv/version.h>
#include <vips/vips.h>
#include "opencv.h"

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

static const char *turbo_version(void) { return TEXT_OF(LIBJPEG_TURBO_VERSION); }
static const char *gst_version_text(void) { return gst_version_string(); }
*/
import "C"

import (
	"fmt"
	"os"
	"strings"
)

// The oldest of both libraries that are not those of some years ago.
const (
	recentTurbo  = 3001000 // 3.1.0, as LIBJPEG_TURBO_VERSION_NUMBER counts
	recentLibyuv = 1900
)

// checkNewest returns an error where libjpeg-turbo or libyuv is old.
func checkNewest() error {
	if C.LIBJPEG_TURBO_VERSION_NUMBER >= recentTurbo && C.LIBYUV_VERSION >= recentLibyuv {
		return nil
	}
	return fmt.Errorf("peers: --newest: got %s, want libjpeg-turbo 3.1 and libyuv %d or later: PKG_CONFIG_PATH and LD_LIBRARY_PATH name where they are, see lab/peers/README.md",
		strings.Join(libraries()[:2], " and "), recentLibyuv)
}

// libraries returns what the rivals are made of. Where a library cannot say its version when it runs, the file that was
// loaded stands beside that of its header.
func libraries() []string {
	return []string{
		fmt.Sprintf("libjpeg-turbo %s (%s)", C.GoString(C.turbo_version()), loaded("libturbojpeg")),
		fmt.Sprintf("libyuv %d (%s)", C.LIBYUV_VERSION, loaded("libyuv")),
		fmt.Sprintf("OpenCV %s (with %s)", C.GoString(C.opencv_version()), loaded("libjpeg")),
		"ffmpeg " + C.GoString(C.av_version_info()),
		C.GoString(C.gst_version_text()),
		"libvips " + C.GoString(C.vips_version_string()),
	}
}

// loaded returns the path of the shared library of a name that this process has loaded.
func loaded(name string) string {
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return "linked"
	}
	for line := range strings.Lines(string(text)) {
		if at := strings.Index(line, "/"); at >= 0 {
			path := strings.TrimSpace(line[at:])
			if strings.Contains(path, "/"+name+".so") {
				return path
			}
		}
	}
	return "linked statically"
}
