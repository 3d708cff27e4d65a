package jpegcore

import "fmt"

// Explain returns the kernels chosen, on one line that ends in a newline.
func (c *Coder) Explain() string {
	return fmt.Sprintf("code: dct %v, huff %v\n", c.dct.Level, c.huff.Level)
}
