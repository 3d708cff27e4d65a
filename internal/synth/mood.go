package synth

// mood is what a scene looks like: a season of the land, in some weather.
type mood struct {
	*season
	*weather
}

// moods follow from the seed, in turn: seed 1 is a summer's afternoon, 2 a winter's morning.
var moods = [...]mood{
	{&autumn, &overcast},
	{&summer, &afternoon},
	{&winter, &morning},
	{&summer, &night},
	{&autumn, &afternoon},
	{&summer, &dusk},
	{&winter, &night},
	{&summer, &overcast},
}

func moodOf(seed uint64) mood { return moods[seed%uint64(len(moods))] }

// season is what grows, and how far down the snow lies. Pairs of colors are the ends of a range, the darker first.
type season struct {
	snow    float64 // how far the snow line is below summer's, in image heights
	woods   [2]rgb  // far away
	fields  rgb     // among them
	floor   rgb     // of the forest
	trees   []species
	soil    rgb
	rough   float64 // how much its brightness varies
	grass   [2]rgb
	ripe    [2]rgb
	spacing float64 // of the blades of grass, in those of summer
	blooms  float64 // flowers for each blade
}

// species is the color of a tree, in shade and in light.
type species struct{ dark, lit [3]float64 }

var (
	spruce = species{dark: [3]float64{0.06, 0.12, 0.09}, lit: [3]float64{0.30, 0.40, 0.19}}
	larch  = species{dark: [3]float64{0.34, 0.17, 0.05}, lit: [3]float64{0.93, 0.62, 0.16}}
	rust   = species{dark: [3]float64{0.27, 0.09, 0.05}, lit: [3]float64{0.82, 0.36, 0.13}}
	snowy  = species{dark: [3]float64{0.13, 0.19, 0.20}, lit: [3]float64{0.96, 0.97, 1.00}}
)

var summer = season{
	woods:   [2]rgb{{0.16, 0.26, 0.24}, {0.42, 0.50, 0.32}},
	fields:  rgb{0.68, 0.65, 0.38},
	floor:   rgb{0.20, 0.24, 0.13},
	trees:   []species{spruce},
	soil:    rgb{0.33, 0.37, 0.15},
	rough:   0.4,
	grass:   [2]rgb{{0.20, 0.36, 0.10}, {0.44, 0.55, 0.18}},
	ripe:    [2]rgb{{0.58, 0.47, 0.22}, {0.90, 0.76, 0.47}},
	spacing: 1,
	blooms:  0.012,
}

var autumn = season{
	snow:    0.03,
	woods:   [2]rgb{{0.36, 0.22, 0.14}, {0.80, 0.50, 0.20}},
	fields:  rgb{0.62, 0.58, 0.34},
	floor:   rgb{0.34, 0.22, 0.11},
	trees:   []species{larch, rust, larch, spruce},
	soil:    rgb{0.36, 0.28, 0.14},
	rough:   0.4,
	grass:   [2]rgb{{0.36, 0.36, 0.13}, {0.58, 0.52, 0.20}},
	ripe:    [2]rgb{{0.52, 0.33, 0.15}, {0.82, 0.60, 0.32}},
	spacing: 1,
	blooms:  0.001,
}

var winter = season{
	snow:    0.20,
	woods:   [2]rgb{{0.34, 0.42, 0.47}, {0.86, 0.90, 0.96}},
	fields:  rgb{0.95, 0.96, 0.99},
	floor:   rgb{0.80, 0.85, 0.93},
	trees:   []species{spruce, snowy},
	soil:    rgb{0.98, 1.01, 1.06},
	rough:   0.16,
	grass:   [2]rgb{{0.45, 0.36, 0.22}, {0.66, 0.55, 0.36}},
	ripe:    [2]rgb{{0.62, 0.55, 0.44}, {0.92, 0.90, 0.88}},
	spacing: 14,
}

// weather is the sky at some hour, and its light on all else.
type weather struct {
	zenith, middle, horizon rgb
	sun                     sun
	clouds                  [2]rgb  // away from the sun, and facing it
	overcast                float64 // how much of the sky they cover, from about -0.6 to 0.6
	streaks                 rgb
	haze                    rgb
	light                   rgb     // what the land's colors are multiplied by
	stars                   float64 // how bright they are, 0..1
	burner                  float64 // how bright the balloons are from within, 0..1
}

// sun is the sun, or the moon. Its place is in periods across and in image heights down.
type sun struct {
	x, y       float64
	radius     float64 // of the disc, in image heights; 0 hides it
	disc, glow rgb
	near, far  float64 // how strong the glow is close by and across the sky
}

var afternoon = weather{
	zenith: rgb{0.23, 0.42, 0.70}, middle: rgb{0.55, 0.70, 0.86}, horizon: rgb{0.99, 0.84, 0.69},
	sun:      sun{x: 0.35, y: 0.42, glow: rgb{1.00, 0.93, 0.76}, near: 0.75, far: 0.25},
	clouds:   [2]rgb{{0.62, 0.60, 0.68}, {1, 0.96, 0.90}},
	overcast: 0.10,
	streaks:  rgb{1, 0.86, 0.76},
	haze:     rgb{0.80, 0.78, 0.80},
	light:    rgb{1, 1, 1},
}

var morning = weather{
	zenith: rgb{0.36, 0.56, 0.80}, middle: rgb{0.68, 0.80, 0.92}, horizon: rgb{0.98, 0.88, 0.86},
	sun:      sun{x: 0.15, y: 0.34, radius: 0.035, disc: rgb{1, 1, 0.96}, glow: rgb{1.00, 0.95, 0.86}, near: 0.8, far: 0.2},
	clouds:   [2]rgb{{0.74, 0.76, 0.84}, {1, 0.97, 0.95}},
	overcast: -0.15,
	streaks:  rgb{1, 0.93, 0.90},
	haze:     rgb{0.85, 0.87, 0.93},
	light:    rgb{0.95, 0.97, 1},
}

var dusk = weather{
	zenith: rgb{0.20, 0.18, 0.42}, middle: rgb{0.72, 0.40, 0.48}, horizon: rgb{1.00, 0.66, 0.34},
	sun:      sun{x: 0.45, y: 0.40, radius: 0.06, disc: rgb{1, 0.92, 0.68}, glow: rgb{1.00, 0.72, 0.36}, near: 0.8, far: 0.35},
	clouds:   [2]rgb{{0.36, 0.25, 0.42}, {1, 0.60, 0.40}},
	overcast: 0.02,
	streaks:  rgb{1, 0.58, 0.40},
	haze:     rgb{0.74, 0.48, 0.46},
	light:    rgb{0.80, 0.64, 0.60},
	burner:   0.35,
}

var night = weather{
	zenith: rgb{0.02, 0.04, 0.12}, middle: rgb{0.06, 0.10, 0.24}, horizon: rgb{0.20, 0.26, 0.42},
	sun:      sun{x: 0.20, y: 0.16, radius: 0.055, disc: rgb{0.97, 0.96, 0.88}, glow: rgb{0.55, 0.64, 0.84}, near: 0.5, far: 0.12},
	clouds:   [2]rgb{{0.07, 0.09, 0.18}, {0.32, 0.36, 0.50}},
	overcast: -0.12,
	streaks:  rgb{0.22, 0.26, 0.40},
	haze:     rgb{0.18, 0.25, 0.42},
	light:    rgb{0.44, 0.54, 0.72},
	stars:    0.9,
	burner:   1,
}

var overcast = weather{
	zenith: rgb{0.52, 0.57, 0.64}, middle: rgb{0.68, 0.72, 0.77}, horizon: rgb{0.86, 0.86, 0.85},
	sun:      sun{x: 0.6, y: 0.30, glow: rgb{0.95, 0.94, 0.90}, near: 0.3, far: 0.3},
	clouds:   [2]rgb{{0.46, 0.49, 0.55}, {0.88, 0.89, 0.91}},
	overcast: 0.55,
	streaks:  rgb{0.84, 0.85, 0.87},
	haze:     rgb{0.76, 0.79, 0.82},
	light:    rgb{0.84, 0.86, 0.90},
}
