package browser

import "testing"

// The page's modules, each with small sums of its own: JavaScript that is to be true, and may await.
func TestModules(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "")
	page := open(t, s.url("/"), 800, 600)
	tests := []struct{ name, module, expression string }{
		{"fps", "format", "m.fps(24.96) === '25.0'"},
		{"unknown", "format", "[m.fps(null), m.compact(NaN), m.count(undefined), m.milliseconds(null), m.bytes(null)].every((s) => s === '–')"},
		{"compact", "format", "[0, 0.254, 7.349, 99.96, 128.4].map(m.compact).join(' ') === '0 0.25 7.35 100 128'"},
		{"count", "format", "m.count(12345678) === '12\\u2009345\\u2009678'"},
		{"milliseconds", "format", "[0.123, 9.96, 123.4, 12345].map(m.milliseconds).join() === '0.1 ms,10 ms,123 ms,12.3 s'"},
		{"bytes", "format", "[999, 21e3, 999.6e3, 2.5e9].map(m.bytes).join() === '1.00 kB,21.0 kB,1.00 MB,2.50 GB'"},
		{"class", "format", "[4096, 10240, 1572864].map(m.classSize).join() === '4 KiB,10 KiB,1.5 MiB'"},
		{"duration", "format", "[0, 59, 60, 3661, 90061].map(m.duration).join() === '0 s,59 s,1 min,1 h 1 min,1 d 1 h'"},

		{"quantile-none", "rates", "m.quantile({ le: [], counts: [], count: 0 }, { le: [], counts: [], count: 0 }, 0.5) === null"},
		{"quantile-all", "rates", "m.quantile({ le: [], counts: [], count: 0 }, { le: [1, 2, 4], counts: [5, 9, 10], count: 10 }, 0.9) === 2"},
		{"quantile-difference", "rates", "m.quantile({ le: [2], counts: [9], count: 9 }, { le: [1, 2, 4], counts: [1, 10, 14], count: 14 }, 0.5) === 4"},
		{"quantile-beyond", "rates", "m.quantile({ le: [], counts: [], count: 0 }, { le: [1], counts: [1], count: 3 }, 1) === 1"},

		{"wall-one", "wall", "JSON.stringify(m.layout(1, 1400, 800)) === JSON.stringify({ columns: 1, tile: 1338 })"},
		{"wall-fits", "wall", "[4, 6, 9, 20].map((n) => m.layout(n, 1400, 800).columns).join() === '2,3,3,5'"},
		{"wall-scrolls", "wall", "m.layout(30, 340, 600).columns === 1 && m.layout(60, 1400, 800).columns === 5"},
		{"cap", "wall", "[1, 9, 16, 20, 40, 100].map(m.cap).join() === '0,0,15,12,5,5'"},

		{"chart-top", "chart", "[0.3, 1, 1.2, 3, 41, 5000, 7e6].map(m.roundTop).join() === '0.4,1,2,4,60,6000,8000000'"},
		{"retrying", "format", `(() => {
			const at = (seconds) => m.retrying({ lost: 'x', retry_at: 'then' }, { since: () => -seconds });
			return at(2.2) === 'source lost, retry in 3 s' && at(-1) === 'source lost, retrying' && m.retrying({}, null) === undefined;
		})()`},
		{"wall-sized", "wall", "m.sizedLayout('small', 1400).columns === 8 && m.sizedLayout('large', 320).columns === 1"},

		{"history-gap", "history", `(() => {
			const h = new m.History('a');
			h.add(100, { a: 1 }); h.add(101, { a: 2 }); h.add(110, { a: 3 });
			return JSON.stringify(h.data('a')) === '[[100,101,105.5,110],[1,2,null,3]]' && h.at().a === 3 && h.at(0).a === 1;
		})()`},
		{"history-span", "history", `(() => {
			const h = new m.History('a');
			for (let i = 0; i < 1000; i++) h.add(i, { a: i });
			return h.times.length === m.span + 1 && h.values.a[0] === 999 - m.span;
		})()`},
		{"history-set-back", "history", `(() => {
			const h = new m.History('a');
			h.add(100, { a: 1 }); h.add(40, { a: 2 }); h.add(41, { a: 3 });
			return JSON.stringify(h.data('a')) === '[[40,41],[2,3]]';
		})()`},
		{"clock-same-machine", "clock", `(() => {
			const clock = new m.Clock(), now = Date.now();
			clock.heard(now + 3, now, now + 8);
			return Math.abs(clock.now() - Date.now()) < 2;
		})()`},
		{"clock-heard", "clock", `(() => {
			const clock = new m.HeardClock(), ahead = () => clock.now() - Date.now();
			const sent = (by) => { clock.heard(Date.now() + by); return Math.abs(ahead() - by) < 2; };
			const first = sent(5000);
			clock.heard(Date.now() + 4800); // slower on its way
			return first && Math.abs(ahead() - 5000) < 2 && sent(5010) && sent(-3600000) && sent(60000);
		})()`},
		{"pace-without-sound", "pace", "new m.Pace().image(1000, 1050) === 0"},
		{"pace-waits-for-sound", "pace", `(() => {
			const p = new m.Pace();
			p.image(1000, 1010);
			const delay = p.sound(1000, 20, false, 1080); // 80 ms on its way, and 20 to be there in time
			return delay === 100 && p.image(1040, 1050) === 90;
		})()`},
		{"pace-waits-for-images", "pace", `(() => {
			const p = new m.Pace();
			p.image(1000, 1150);
			return p.sound(1000, 20, false, 1030) === 150;
		})()`},
		{"pace-catches-up", "pace", `(() => {
			const held = (ms) => { // up, and from then on on time, so that 100 ms would do
				const p = new m.Pace();
				p.sound(0, 20, false, ms - 20);
				const delays = [];
				for (let at = 20; at < 20000; at += 20) delays.push(p.sound(at, 20, at >= 19900, at + 80));
				return delays;
			};
			const [much, some] = [held(500), held(200)];
			const shrinks = some.slice(1, 900).some((delay, i) => Math.abs(some[i] - delay - 0.1) < 1e-6); // 0.5 % of 20 ms
			return much[200] === 500 && much.at(-100) === 100 && some[200] === 200 && shrinks && some[900] > 120 && some.at(-1) === 100;
		})()`},
		{"pace-most", "pace", "new m.Pace().sound(1000, 20, false, 9000) === 1000"},
		{"pace-ends", "pace", `(() => {
			const p = new m.Pace();
			p.sound(1000, 20, false, 1080);
			return p.active(3000) && !p.active(3200) && p.image(3200, 3210) === 0;
		})()`},
		{"pace-offset", "pace", `(() => {
			const p = new m.Pace();
			p.sound(1000, 20, false, 1080);
			const none = p.offset(1080);
			p.heard(100); p.painted(1000, 10, 1090);
			return none === null && p.offset(1090) === 10;
		})()`},
		{"clock-ahead", "clock", `(() => {
			const clock = new m.Clock(), now = Date.now();
			clock.heard(now + 60004, now, now + 8); // a minute ahead, and 8 ms there and back
			clock.heard(now + 60900, now, now + 1800); // a slow response says less
			return Math.abs(clock.now() - Date.now() - 60000) < 3 && Math.abs(clock.since(new Date(now + 50000).toISOString()) - 10) < 0.5;
		})()`},
		{"clock-set", "clock", `(() => {
			const clock = new m.Clock(), now = Date.now();
			clock.heard(now + 4, now, now + 8);
			clock.heard(now + 3600050, now, now + 100); // the server's clock is an hour ahead since
			return Math.abs(clock.now() - Date.now() - 3600000) < 3;
		})()`},
		{"url-prefix", "api", "m.url('v1/streams').pathname === '/v1/streams' && m.paths.mjpeg('a b') === 'stream/a%20b.mjpg'"},
		{"url-token", "api", `(() => {
			m.token.set('x&y');
			const u = m.loadable('ws').search;
			sessionStorage.clear();
			return u === '?access_token=x%26y' && m.loadable('ws').search === '';
		})()`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !eval[bool](page, "import('./assets/"+tt.module+".js').then((m) => "+tt.expression+")") {
				t.Errorf("%s.js: got false, want true: %s", tt.module, tt.expression)
			}
		})
	}
}

// After a restart of the server, counters begin at zero: figures are none for a moment, never negative.
func TestRatesAcrossRestart(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "")
	page := open(t, s.url("/"), 800, 600)
	got := eval[[]*float64](page, `Promise.all([import('./assets/rates.js'), fetch('v1/stats').then((r) => r.json())]).then(([{ Rates }, stats]) => {
		const rates = new Rates();
		const at = (time, uptime, ok) => rates.add({ ...stats, time, uptime_s: uptime, frames: { ok, failed: 0 } }).frames ?? null;
		return [at(100, 50, 1000), at(101, 51, 1025), at(103, 1, 10), at(104, 2, 35)];
	})`)
	want := []any{nil, 25.0, nil, 25.0}
	for i, w := range want {
		if w == nil && got[i] != nil || w != nil && (got[i] == nil || *got[i] != w) {
			t.Errorf("sample %d: got %v, want %v", i, got[i], w)
		}
	}
}
