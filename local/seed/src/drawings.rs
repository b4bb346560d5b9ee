//! The images of the demo templates, drawn by code: one landscape of hills with a disc in the
//! sky, in the morning for the loyalty card and at night for the ticket.
//!
//! Every function gives PNG files under the names that Wallet looks for, `name.png`,
//! `name@2x.png` and `name@3x.png`. Sizes in points are Apple's ("Pass Design and Creation",
//! image sizes).

use std::collections::BTreeMap;

use crate::canvas::{Canvas, Colour, Disc, Everywhere, Point, Ridge, Ring, Wave};

/// Files by name, as a template consists of.
pub type Images = BTreeMap<String, Vec<u8>>;

/// The time of day of a landscape.
#[derive(Debug, Clone, Copy)]
pub struct Landscape {
    sky: [Colour; 3],
    disc: Colour,
    glow: Colour,
    /// From the farthest to the nearest; the nearest is the colour of the pass below it.
    hills: [Colour; 3],
    rings: bool,
    stars: bool,
}

impl Landscape {
    /// Sunrise: the loyalty card.
    pub const MORNING: Self = Self {
        sky: [Colour::rgb(0x4a3f8f), Colour::rgb(0xd9668c), Colour::rgb(0xffb987)],
        disc: Colour::rgb(0xfff3d6),
        glow: Colour::rgb(0xffd9a0),
        hills: [Colour::rgb(0x9a4f86), Colour::rgb(0x5d3a78), Colour::rgb(0x2e2559)],
        rings: false,
        stars: false,
    };

    /// Moonrise over an open-air stage: the ticket.
    pub const NIGHT: Self = Self {
        sky: [Colour::rgb(0x0b1030), Colour::rgb(0x26296b), Colour::rgb(0x6a4a9c)],
        disc: Colour::rgb(0xf5ecff),
        glow: Colour::rgb(0xb79cf0),
        hills: [Colour::rgb(0x3f3780), Colour::rgb(0x272560), Colour::rgb(0x141538)],
        rings: true,
        stars: true,
    };

    /// The ground of the pass, into which the nearest hill runs: `rgb(r, g, b)`.
    pub fn background_colour(&self) -> String {
        self.hills[2].css()
    }

    /// Labels: the light around the disc.
    pub fn label_colour(&self) -> String {
        self.glow.css()
    }
}

/// `icon`, 29 x 29 points: required; shown in notifications, where iOS rounds its corners.
pub fn icon(landscape: &Landscape) -> Images {
    at_each_scale("icon", 29, 29, |canvas| {
        emblem(canvas, landscape, 29.0);
    })
}

/// `logo`, 50 x 50 of the 160 x 50 points allowed: the emblem in a disc; the name beside it is
/// the pass's `logoText`.
pub fn logo(landscape: &Landscape) -> Images {
    const SIZE: f32 = 50.0;
    at_each_scale("logo", 50, 50, |canvas| {
        let mut square = Canvas::like(canvas);
        emblem(&mut square, landscape, SIZE);
        let centre = Point {
            x: SIZE / 2.0,
            y: SIZE / 2.0,
        };
        let shape = Disc {
            centre,
            radius: SIZE / 2.0 - 3.0,
        };
        canvas.paint_from(&square, &shape);
    })
}

/// `strip`, 375 x 123 points: behind the primary field of a store card, so the left is calm.
pub fn strip(landscape: &Landscape) -> Images {
    at_each_scale("strip", 375, 123, |canvas| {
        let scene = Scene {
            width: 375.0,
            height: 123.0,
            disc: Disc {
                centre: Point { x: 292.0, y: 66.0 },
                radius: 25.0,
            },
        };
        scene.paint(canvas, landscape);
    })
}

/// `background`, 180 x 220 points: behind the whole front of an event ticket, blurred by iOS.
pub fn background(landscape: &Landscape) -> Images {
    at_each_scale("background", 180, 220, |canvas| {
        let scene = Scene {
            width: 180.0,
            height: 220.0,
            disc: Disc {
                centre: Point { x: 128.0, y: 78.0 },
                radius: 26.0,
            },
        };
        scene.paint(canvas, landscape);
    })
}

/// `thumbnail`, 90 x 90 points: beside the fields of an event ticket, like its poster.
pub fn thumbnail(landscape: &Landscape) -> Images {
    at_each_scale("thumbnail", 90, 90, |canvas| {
        emblem(canvas, landscape, 90.0);
    })
}

fn at_each_scale(name: &str, width: u16, height: u16, draw: impl Fn(&mut Canvas)) -> Images {
    [(1, ""), (2, "@2x"), (3, "@3x")]
        .into_iter()
        .map(|(scale, suffix)| {
            let mut canvas = Canvas::new(width, height, scale);
            draw(&mut canvas);
            (format!("{name}{suffix}.png"), canvas.png())
        })
        .collect()
}

/// The landscape as a square sign that is still readable at 29 points.
fn emblem(canvas: &mut Canvas, landscape: &Landscape, size: f32) {
    let centre = Point {
        x: size * 0.5,
        y: size * 0.47,
    };
    let radius = size * 0.23;
    sky(canvas, landscape, size);
    glow(canvas, landscape, centre, size * 0.55);
    if landscape.rings {
        rings(canvas, landscape, centre, radius, size * 0.1);
    }
    canvas.paint(&Disc { centre, radius }, |_| landscape.disc);
    let [_, middle, near] = landscape.hills;
    let hills = [(middle, 0.66, 0.07, 6.0, 0.6), (near, 0.79, 0.06, 5.0, 3.4)];
    for (colour, level, height, frequency, phase) in hills {
        let wave = Wave {
            height: size * height,
            length: size / frequency,
            phase,
        };
        hill(canvas, colour, size * level, [wave, FLAT]);
    }
}

/// The landscape in full, for wide and tall images; sizes in points.
struct Scene {
    width: f32,
    height: f32,
    disc: Disc,
}

impl Scene {
    fn paint(&self, canvas: &mut Canvas, landscape: &Landscape) {
        let height = self.height;
        let Disc { centre, radius } = self.disc;
        sky(canvas, landscape, height);
        if landscape.stars {
            stars(canvas, landscape, self.width, height * 0.6);
        }
        glow(canvas, landscape, centre, radius * 4.2);
        if landscape.rings {
            rings(canvas, landscape, centre, radius, radius * 0.62);
        }
        canvas.paint(&self.disc, |_| landscape.disc);
        let wave = |share: f32, length: f32, phase: f32| Wave {
            height: height * share,
            length,
            phase,
        };
        let [far, middle, near] = landscape.hills;
        let hills = [
            (far, 0.66, [wave(0.07, 46.0, 1.1), wave(0.03, 17.0, 0.0)]),
            (middle, 0.77, [wave(0.06, 61.0, 4.0), wave(0.02, 23.0, 1.0)]),
            (near, 0.9, [wave(0.045, 83.0, 2.2), FLAT]),
        ];
        for (colour, level, waves) in hills {
            hill(canvas, colour, height * level, waves);
        }
    }
}

const FLAT: Wave = Wave {
    height: 0.0,
    length: 1.0,
    phase: 0.0,
};

fn sky(canvas: &mut Canvas, landscape: &Landscape, height: f32) {
    let [top, middle, horizon] = landscape.sky;
    // The horizon lies behind the hills, at seven tenths.
    canvas.paint(&Everywhere, |point| {
        let depth = point.y / (height * 0.7);
        if depth < 0.5 {
            top.mix(middle, depth * 2.0)
        } else {
            middle.mix(horizon, depth * 2.0 - 1.0)
        }
    });
}

fn glow(canvas: &mut Canvas, landscape: &Landscape, centre: Point, radius: f32) {
    canvas.paint(&Disc { centre, radius }, |point| {
        let nearness = 1.0 - point.distance(centre) / radius;
        landscape.glow.with_alpha(0.75 * nearness * nearness)
    });
}

/// Rings around the moon, like sound from a stage.
fn rings(canvas: &mut Canvas, landscape: &Landscape, centre: Point, radius: f32, gap: f32) {
    for (turn, alpha) in [(1.0, 0.5), (2.0, 0.3), (3.0, 0.15)] {
        let shape = Ring {
            centre,
            radius: radius + gap * turn,
            width: gap * 0.14,
        };
        canvas.paint(&shape, |_| landscape.glow.with_alpha(alpha));
    }
}

fn stars(canvas: &mut Canvas, landscape: &Landscape, width: f32, height: f32) {
    /// The golden ratio's fraction: its multiples fall evenly and never in rows.
    const SPREAD: f32 = 0.618_034;
    for star in 1..=40_u8 {
        let number = f32::from(star);
        let centre = Point {
            x: width * (number * SPREAD).fract(),
            y: height * (number * number * SPREAD * 0.37).fract(),
        };
        let radius = 0.35 + 0.45 * (number * 0.377).fract();
        canvas.paint(&Disc { centre, radius }, |_| landscape.disc.with_alpha(0.8));
    }
}

/// A hill with a little light along its upper edge, which gives it depth.
fn hill(canvas: &mut Canvas, colour: Colour, level: f32, waves: [Wave; 2]) {
    let light = colour.mix(Colour::rgb(0xffffff), 0.12);
    canvas.paint(&Ridge { level, waves }, |_| light);
    let below_the_light = Ridge {
        level: level + 0.8,
        waves,
    };
    canvas.paint(&below_the_light, |_| colour);
}
