package httpapi

import (
	"mime"
	"slices"
	"strconv"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/scene"
)

// typeImages is the Content-Type of a body with a line before each image, as ingest.ImageOptions describes it.
const typeImages = "application/x-steadyframe-images"

// imageParameters are the parameters of a query that say what the images of a scene are.
type imageParameters struct {
	index, regions int
	given          []string
}

// parameters returns what sets them.
func (p *imageParameters) parameters() map[string]func(string) error {
	number := func(name string, dst *int, bits int, most uint64, want string) func(string) error {
		return func(value string) error {
			n, err := strconv.ParseUint(value, 10, bits)
			if err != nil || n > most {
				return fault.Errorf(fault.Invalid, "got %q, want %s", value, want)
			}
			*dst = int(n)
			p.given = append(p.given, name)
			return nil
		}
	}
	return map[string]func(string) error{
		"index":   number("index", &p.index, strconv.IntSize-1, 1<<(strconv.IntSize-1)-1, "a number from 0 on"),
		"regions": number("regions", &p.regions, 8, scene.MaxRegions, "0.."+strconv.Itoa(scene.MaxRegions)),
	}
}

// first returns the name of a parameter that was given, "" for none.
func (p *imageParameters) first() string {
	if len(p.given) == 0 {
		return ""
	}
	return p.given[0]
}

// openScene opens a body of images of a scene.
func (o *opening) openScene() error {
	lines, err := o.linesOfImages()
	if err != nil {
		return err
	}
	in := o.spec.Input
	options := ingest.ImageOptions{Lines: lines, First: o.of.index, Regions: o.of.regions}
	regions := slices.Contains(o.of.given, "regions")
	switch {
	case lines && regions:
		return fieldError("regions", "got it with Content-Type "+typeImages+", whose lines say it")
	case o.given && in.Format == 0:
		return fieldError("format", "got none, want the pixel format of the regions, such as bgr24")
	case o.given && in.Width == 0:
		return fieldError("size", "got none, want the size of the regions, such as 256x256")
	case !o.given && (in != frame.Desc{} || options.Regions > 0):
		return fieldError("format", "got none, and no size, want the pixel format and size of the regions")
	case o.given && !lines && !regions:
		options.Regions = 1
	}
	plan, err := o.planned()
	if err != nil {
		return err
	}
	if n, image := o.request.ContentLength, int64(options.Regions)*int64(plan.FrameBytes()); !lines && image > 0 && n > 0 && n%image != 0 {
		return fault.Errorf(fault.Invalid, "the body is not a whole number of images: got %d bytes, want a multiple of %d for %d regions of %s", n, image, options.Regions, in)
	}
	o.images, err = ingest.NewImages(o.body, in, options, o.engine.Pool)
	return err
}

// linesOfImages reports whether the body has a line before each image, and refuses types that are not known.
func (o *opening) linesOfImages() (bool, error) {
	if err := checkEncoding(o.request); err != nil {
		return false, err
	}
	header := o.request.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(header)
	switch {
	case header == "":
		return false, nil
	case err != nil:
		return false, &fault.Error{Kind: fault.Unsupported, Field: "Content-Type", Err: err}
	case kind == typeImages:
		return true, nil
	case slices.Contains(rawTypes, kind):
		return false, nil
	}
	return false, &fault.Error{Kind: fault.Unsupported, Field: "Content-Type", Reason: "got Content-Type " + kind + ", want " + typeImages + " or application/octet-stream for images of a scene"}
}
