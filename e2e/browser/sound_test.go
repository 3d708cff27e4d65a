package browser

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var soundFor = flag.Duration("sound", 0, "measure for so long how far sound and images are apart, with a network that stalls each minute")

const (
	slateBits  = 24 // of the milliseconds that a frame shows, 12 pixels each
	slateFPS   = 25
	beepEvery  = 500 * time.Millisecond // in the sound
	beepLevels = 8                      // beeps have their number, modulo this, as their level
	slateRate  = 16000                  // of the sound
	slatePiece = slateRate / 50         // samples that are sent at once
)

// slate publishes frames that show their time in milliseconds, and sound with a beep every 500 ms of the same clock, each when it is
// over, as a microphone's. It ends with t.
func slate(t *testing.T, s *server, stream string) *atomic.Int64 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	begun := time.Now()
	frames := new(atomic.Int64)
	var feeds sync.WaitGroup
	feeds.Go(func() { slateFrames(ctx, t, s, stream, begun, frames) })
	feeds.Go(func() { slateSound(ctx, t, s, stream, begun) })
	t.Cleanup(func() {
		cancel()
		feeds.Wait()
	})
	return frames
}

// post publishes what feed writes until ctx ends, or feed does.
func post(ctx context.Context, t *testing.T, url, kind string, feed func(w io.Writer)) {
	body, pipe := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
		if err == nil {
			request.Header.Set("Content-Type", kind)
			var response *http.Response
			if response, err = http.DefaultClient.Do(request); err == nil {
				if response.StatusCode != http.StatusOK {
					err = errors.New(response.Status)
				}
				response.Body.Close()
			}
		}
		body.CloseWithError(io.ErrClosedPipe)
		if err != nil && ctx.Err() == nil {
			t.Errorf("POST %s: %v", url, err)
		}
	}()
	feed(pipe)
	pipe.Close()
	<-done
}

func slateFrames(ctx context.Context, t *testing.T, s *server, stream string, begun time.Time, frames *atomic.Int64) {
	post(ctx, t, s.url("/v1/streams/"+stream+"?format=gray&size=320x40&quality=90&subsampling=4:4:4"), "application/x-steadyframe-frames", func(w io.Writer) {
		tick := time.NewTicker(time.Second / slateFPS)
		defer tick.Stop()
		var data []byte
		for ctx.Err() == nil {
			now := time.Now()
			ms := now.Sub(begun).Milliseconds()
			data = fmt.Appendf(data[:0], "FRAME captured_us=%d\n", now.UnixMicro())
			for i := range 320 * 40 {
				value := byte(16)
				if bit := i % 320 / 12; bit < slateBits && ms>>bit&1 == 1 {
					value = 240
				}
				data = append(data, value)
			}
			if _, err := w.Write(data); err != nil {
				return
			}
			frames.Add(1)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
}

// slateSound publishes the sound, each piece with its time.
func slateSound(ctx context.Context, t *testing.T, s *server, stream string, begun time.Time) {
	at := func(n int) time.Time { return begun.Add(time.Duration(n) * time.Second / slateRate) }
	query := fmt.Sprintf("/sound?format=s16le&rate=%d", slateRate)
	post(ctx, t, s.url("/v1/streams/"+stream+query), "application/x-steadyframe-sound", func(w io.Writer) {
		var piece []byte
		for n := 0; ctx.Err() == nil; {
			piece = fmt.Appendf(piece[:0], "SOUND samples=%d captured_us=%d\n", slatePiece, at(n).UnixMicro())
			for range slatePiece {
				piece = binary.LittleEndian.AppendUint16(piece, uint16(slateSample(n)))
				n++
			}
			select {
			case <-time.After(time.Until(at(n))):
			case <-ctx.Done():
			}
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
}

// slateSample returns a sample: 20 ms of a square wave at each multiple of beepEvery, else a quiet tone, which is no silence.
func slateSample(n int) int16 {
	const every = int(beepEvery * slateRate / time.Second)
	if in := n % every; in < slateRate/50 {
		level := 10000 + 2500*(n/every%beepLevels)
		if in/8%2 == 1 {
			level = -level
		}
		return int16(level)
	}
	return int16(500 * math.Sin(2*math.Pi*440*float64(n)/slateRate))
}

// slateScript notes in window.slate when images are painted, as [time, milliseconds that it shows], and when beeps leave for the
// loudspeaker, as [time, number modulo 8]: by performance.now().
const slateScript = `
window.slate = { images: [], beeps: [], contexts: [] };
const keep = (list, value) => { list.push(value); if (list.length > 400) list.shift(); };
const draw = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (...args) {
	draw.apply(this, args);
	if (!this.canvas.closest?.('.stage') || this.canvas.width !== 320) return;
	const now = performance.now();
	const row = this.getImageData(0, 20, 320, 1).data;
	let ms = 0;
	for (let bit = 0; bit < 24; bit++) if (row[4 * (12 * bit + 6)] > 128) ms += 2 ** bit;
	keep(slate.images, [now, ms]);
};
const tap = URL.createObjectURL(new Blob([` + "`" + `
	registerProcessor('tap', class extends AudioWorkletProcessor {
		quiet = 0; peak = 0; at = 0;
		process([[samples]]) {
			if (!samples) return true;
			for (let i = 0; i < samples.length; i++) {
				const level = Math.abs(samples[i]);
				if (this.at) {
					this.peak = Math.max(this.peak, level);
					if ((currentFrame + i) / sampleRate > this.at + 0.01) { this.port.postMessage([this.at, this.peak]); this.at = 0; }
				} else if (level > 0.2 && this.quiet > sampleRate / 10) {
					this.at = (currentFrame + i) / sampleRate; this.peak = level;
				}
				this.quiet = level > 0.2 ? 0 : this.quiet + 1;
			}
			return true;
		}
	})` + "`" + `], { type: 'text/javascript' }));
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...args) {
	if (to instanceof AudioDestinationNode && this.context.tap) connect.call(this, this.context.tap);
	return connect.call(this, to, ...args);
};
const Context = AudioContext;
window.AudioContext = class extends Context {
	constructor(...args) {
		super(...args);
		slate.contexts.push(this);
		this.audioWorklet.addModule(tap).then(() => {
			this.tap = new AudioWorkletNode(this, 'tap');
			connect.call(this.tap, this.destination);
			this.tap.port.onmessage = ({ data: [at, peak] }) => {
				const { contextTime, performanceTime } = this.getOutputTimestamp();
				keep(slate.beeps, [performanceTime + (at - contextTime) * 1000, Math.round((peak * 32768 - 10000) / 2500)]);
			};
		}).catch(() => {}); // closed meanwhile
	}
};`

// apart returns how much later than the images around them the last n beeps were heard, in ms; fewer when there are not so many yet.
func apart(p *tab, n int) (offsets []float64) {
	p.t.Helper()
	noted := eval[struct{ Images, Beeps [][2]float64 }](p, "({ Images: slate.images, Beeps: slate.beeps })")
	beeps := noted.Beeps[max(0, len(noted.Beeps)-n):]
	for _, b := range beeps {
		if b[1] >= beepLevels {
			p.t.Errorf("got a beep of the level %.0f, want at most %d: pieces of sound overlap", b[1], beepLevels-1)
		}
		// The images around it.
		var lags []float64
		for _, i := range noted.Images {
			if math.Abs(i[0]-b[0]) < 500 {
				lags = append(lags, i[0]-i[1])
			}
		}
		if len(lags) == 0 {
			continue
		}
		slices.Sort(lags)
		every := float64(beepEvery.Milliseconds())
		off := b[0] - b[1]*every - lags[len(lags)/2]
		offsets = append(offsets, math.Mod(math.Mod(off, beepLevels*every)+1.5*beepLevels*every, beepLevels*every)-beepLevels*every/2)
	}
	return offsets
}

// median returns the median of values.
func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// stallable forwards TCP connections to a server, except while gate is locked for writing.
func stallable(t *testing.T, s *server) (address string, gate *sync.RWMutex) {
	t.Helper()
	gate = new(sync.RWMutex)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	forward := func(to, from net.Conn) {
		defer to.Close()
		data := make([]byte, 4<<10)
		for {
			n, err := from.Read(data)
			gate.RLock()
			_, failed := to.Write(data[:n])
			gate.RUnlock()
			if err != nil || failed != nil {
				return
			}
		}
	}
	go func() {
		for {
			front, err := listener.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", s.address)
			if err != nil {
				front.Close()
				continue
			}
			go forward(front, back)
			go forward(back, front)
		}
	}()
	return listener.Addr().String(), gate
}

// soundButton is the button of the view of a stream.
const soundButton = "[...document.querySelectorAll('.tools button')].find((b) => b.textContent === 'Sound')"

// soundFigure returns the text of a figure of the view, null while it is hidden.
func soundFigure(name string) string {
	return fmt.Sprintf("([...document.querySelectorAll('.values > div')].filter((d) => !d.hidden && d.querySelector('dt').textContent === '%s').map((d) => d.querySelector('dd').textContent)[0] ?? null)", name)
}

// openSlate opens the view of a slate, with its measurement.
func openSlate(t *testing.T, address, stream string) *tab {
	t.Helper()
	p := open(t, "http://"+address+"/#/", 1024, 768)
	p.allow("willReadFrequently", "ReadPixels") // of the measurement
	if _, err := chromedp.Call(p.ctx, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(p.ctx, chromedp.Navigate("about:blank"), chromedp.Navigate("http://"+address+"/#/stream/"+stream)); err != nil {
		t.Fatal(err)
	}
	p.others = true // about:blank has no host
	p.do(slateScript)
	p.await("an image", "window.slate.images.length > 0")
	return p
}

// TestSound: a stream's sound is muted at first; then it is heard within 40 ms of its images, also after the network has stalled and
// images were dropped. A stream without sound has nothing of it.
func TestSound(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", "mute=testsrc:320x180@10")
	frames := slate(t, s, "slate")
	address, gate := stallable(t, s)
	p := openSlate(t, address, "slate")
	p.await("a stream with sound", soundFigure("Sound")+" === '16 kHz, mono, muted'")
	if got := eval[string](p, soundButton+".getAttribute('aria-pressed') ?? ''"); got == "true" {
		t.Error("sound plays, want it muted at first")
	}
	p.press("m") // An action of the user: browsers play nothing before one.
	p.await("the offset", `/^-?\d+ ms$/.test(`+soundFigure("Sound after its image")+")")
	if got := eval[string](p, soundButton+".getAttribute('aria-pressed')"); got != "true" {
		t.Errorf("got aria-pressed=%s of the button, want true", got)
	}
	const beeps = 6
	together := func(when string) {
		t.Helper()
		var last []float64
		p.do("window.slate.beeps.length = 0")
		waitFor(t, "sound within 40 ms of its images, "+when, func() bool {
			if got := apart(p, beeps); len(got) == beeps {
				last = got
				return math.Abs(median(got)) <= 40
			}
			return false
		})
		t.Logf("%s: sound is %.0f ms after its images, of %.0f", when, median(last), last)
	}
	together("at first")
	gate.Lock()
	stalled := frames.Load()
	waitFor(t, "frames", func() bool { return frames.Load() >= stalled+slateFPS })
	gate.Unlock()
	together("after a stall")

	p.do("(0, eval)(" + quoted(axe(t)) + ")")
	for _, found := range violations(p) {
		t.Errorf("axe: %s", found)
	}
	p.press("m")
	p.await("muted", soundFigure("Sound")+" === '16 kHz, mono, muted' && "+soundFigure("Sound after its image")+" === null")

	// On a page of one's own.
	p.do("window.slate.beeps.length = 0; document.head.append(Object.assign(document.createElement('script'), { type: 'module', src: 'assets/view.js' })); " +
		"const view = document.createElement('steadyframe-view'); view.setAttribute('stream', 'slate'); view.setAttribute('sound', ''); document.body.prepend(view)")
	p.await("beeps of <steadyframe-view sound>", "window.slate.beeps.length > 2")
	p.do("document.querySelector('steadyframe-view').removeAttribute('sound')")
	p.await("no sound", "window.slate.contexts.every((audio) => audio.state === 'closed')")
	p.do("document.querySelector('steadyframe-view').remove()")

	p.do("location.hash = '#/stream/mute'")
	p.await("the other stream", "document.querySelector('.stage .screen[data-seq]') && document.querySelector('.bar h1').textContent === 'mute'")
	if eval[bool](p, soundButton+".checkVisibility()") || eval[bool](p, soundFigure("Sound")+" !== null") {
		t.Error("a stream without sound has a button or a figure for it")
	}
}

// TestSoundFor measures for as long as -sound says: see scripts/measure-sound.
func TestSoundFor(t *testing.T) {
	if *soundFor == 0 {
		t.Skip("no duration given by -sound")
	}
	s := serve(t, "127.0.0.1:0", "")
	slate(t, s, "slate")
	address, gate := stallable(t, s)
	p := openSlate(t, address, "slate")
	p.await("a stream with sound", soundFigure("Sound")+" !== null")
	p.press("m")
	p.await("beeps", "window.slate.beeps.length > 4")
	p.do("window.slate.beeps.length = 0")
	var all []float64
	begun, tick := time.Now(), time.NewTicker(10*time.Second)
	defer tick.Stop()
	for n := 1; time.Since(begun) < *soundFor; n++ {
		<-tick.C
		got := apart(p, math.MaxInt32)
		p.do("window.slate.beeps.length = 0")
		if len(got) == 0 {
			t.Fatal("no beep within 10 s")
		}
		all = append(all, got...)
		t.Logf("%4.0f s: sound is %4.0f ms after its images, of %d beeps %.0f to %.0f", time.Since(begun).Seconds(), median(got), len(got), slices.Min(got), slices.Max(got))
		if n%6 == 3 {
			gate.Lock()
			<-time.After(1500 * time.Millisecond)
			gate.Unlock()
			t.Log("        the network stalled for 1.5 s")
		}
	}
	slices.Sort(all)
	within := 0
	for _, v := range all {
		if math.Abs(v) <= 40 {
			within++
		}
	}
	t.Logf("%d of %d beeps within 40 ms, of %.0f that were published; median %.1f ms, 99 of 100 from %.0f to %.0f, all from %.0f to %.0f", within, len(all),
		time.Since(begun).Seconds()/beepEvery.Seconds(), median(all), all[len(all)/200], all[len(all)-1-len(all)/200], all[0], all[len(all)-1])
	if within*100 < 97*len(all) {
		t.Errorf("%d of %d beeps are within 40 ms of their images, want 97 of 100", within, len(all))
	}
}
