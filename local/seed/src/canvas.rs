//! A small painter. Shapes are signed distance functions in points, so one description serves
//! @1x, @2x and @3x, and anti-aliasing is one subtraction.

/// Non-linear sRGB with opacity, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Colour {
    pub red: f32,
    pub green: f32,
    pub blue: f32,
    pub alpha: f32,
}

impl Colour {
    /// From `0xRRGGBB`, opaque.
    pub(crate) const fn rgb(hex: u32) -> Self {
        Self {
            red: ((hex >> 16) & 0xff) as f32 / 255.0,
            green: ((hex >> 8) & 0xff) as f32 / 255.0,
            blue: (hex & 0xff) as f32 / 255.0,
            alpha: 1.0,
        }
    }

    pub(crate) const fn with_alpha(self, alpha: f32) -> Self {
        Self { alpha, ..self }
    }

    /// `self` at 0, `other` at 1.
    pub(crate) fn mix(self, other: Self, share: f32) -> Self {
        let share = share.clamp(0.0, 1.0);
        let between = |a: f32, b: f32| a + (b - a) * share;
        Self {
            red: between(self.red, other.red),
            green: between(self.green, other.green),
            blue: between(self.blue, other.blue),
            alpha: between(self.alpha, other.alpha),
        }
    }

    /// As pass.json writes colours; opacity is left out.
    pub(crate) fn css(self) -> String {
        let [red, green, blue, _] = self.bytes();
        format!("rgb({red}, {green}, {blue})")
    }

    fn bytes(self) -> [u8; 4] {
        [self.red, self.green, self.blue, self.alpha].map(|channel| (channel.clamp(0.0, 1.0) * 255.0).round() as u8)
    }

    fn over(self, below: Self) -> Self {
        let alpha = self.alpha + below.alpha * (1.0 - self.alpha);
        if alpha == 0.0 {
            return below;
        }
        let blend = |above: f32, below_channel: f32| {
            (above * self.alpha + below_channel * below.alpha * (1.0 - self.alpha)) / alpha
        };
        Self {
            red: blend(self.red, below.red),
            green: blend(self.green, below.green),
            blue: blend(self.blue, below.blue),
            alpha,
        }
    }
}

/// A place in points from the upper left corner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub x: f32,
    pub y: f32,
}

impl Point {
    pub(crate) fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// A part of the plane, in points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Area {
    const ALL: Self = Self {
        left: f32::NEG_INFINITY,
        top: f32::NEG_INFINITY,
        right: f32::INFINITY,
        bottom: f32::INFINITY,
    };

    fn around(centre: Point, reach: f32) -> Self {
        Self {
            left: centre.x - reach,
            top: centre.y - reach,
            right: centre.x + reach,
            bottom: centre.y + reach,
        }
    }
}

pub(crate) trait Shape {
    /// From `point` to the edge, in points; negative inside.
    fn distance(&self, point: Point) -> f32;

    /// Outside of it nothing is inside the shape, so nothing there is looked at.
    fn area(&self) -> Area {
        Area::ALL
    }
}

pub(crate) struct Everywhere;

impl Shape for Everywhere {
    fn distance(&self, _: Point) -> f32 {
        f32::NEG_INFINITY
    }
}

pub(crate) struct Disc {
    pub centre: Point,
    pub radius: f32,
}

impl Shape for Disc {
    fn distance(&self, point: Point) -> f32 {
        point.distance(self.centre) - self.radius
    }

    fn area(&self) -> Area {
        Area::around(self.centre, self.radius)
    }
}

pub(crate) struct Ring {
    pub centre: Point,
    pub radius: f32,
    pub width: f32,
}

impl Shape for Ring {
    fn distance(&self, point: Point) -> f32 {
        (point.distance(self.centre) - self.radius).abs() - self.width / 2.0
    }

    fn area(&self) -> Area {
        Area::around(self.centre, self.radius + self.width)
    }
}

/// One wave of a [`Ridge`], all in points but the phase.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wave {
    pub height: f32,
    /// Points per radian.
    pub length: f32,
    pub phase: f32,
}

/// Everything below a line of waves around `level`.
pub(crate) struct Ridge {
    pub level: f32,
    pub waves: [Wave; 2],
}

impl Ridge {
    fn edge(&self, x: f32) -> f32 {
        let waves = self.waves.iter();
        self.level
            + waves
                .map(|wave| wave.height * (x / wave.length + wave.phase).sin())
                .sum::<f32>()
    }

    fn slope(&self, x: f32) -> f32 {
        let waves = self.waves.iter();
        waves
            .map(|wave| wave.height / wave.length * (x / wave.length + wave.phase).cos())
            .sum()
    }
}

impl Shape for Ridge {
    /// The vertical distance, corrected by the slope: exact enough within a pixel of the edge.
    fn distance(&self, point: Point) -> f32 {
        (self.edge(point.x) - point.y) / self.slope(point.x).hypot(1.0)
    }

    fn area(&self) -> Area {
        let highest: f32 = self.waves.iter().map(|wave| wave.height.abs()).sum();
        Area {
            top: self.level - highest,
            ..Area::ALL
        }
    }
}

/// An image under work, of a size in points times a scale.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    scale: f32,
    pixels: Vec<Colour>,
}

impl Canvas {
    /// Transparent at first.
    pub(crate) fn new(width: u16, height: u16, scale: u8) -> Self {
        let width = usize::from(width) * usize::from(scale);
        let height = usize::from(height) * usize::from(scale);
        Self {
            width,
            height,
            scale: f32::from(scale),
            pixels: vec![Colour::rgb(0).with_alpha(0.0); width * height],
        }
    }

    /// Of the same size, and transparent again.
    pub(crate) fn like(other: &Self) -> Self {
        Self {
            pixels: vec![Colour::rgb(0).with_alpha(0.0); other.pixels.len()],
            ..*other
        }
    }

    /// Lays the part of `image` within `shape` over what is there. Both have the same size.
    pub(crate) fn paint_from(&mut self, image: &Self, shape: &impl Shape) {
        let (scale, width) = (self.scale, self.width);
        self.paint(shape, |point| {
            image.pixels[(point.y * scale) as usize * width + (point.x * scale) as usize]
        });
    }

    /// Lays `shape` over what is there, coloured point by point.
    pub(crate) fn paint(&mut self, shape: &impl Shape, colour: impl Fn(Point) -> Colour) {
        let area = shape.area();
        // One pixel more on each side, for the half covered ones. Casts saturate at the border.
        let first = |edge: f32| (edge * self.scale - 1.0) as usize;
        let last = |edge: f32, size: usize| ((edge * self.scale + 2.0) as usize).min(size);
        let columns = first(area.left)..last(area.right, self.width);
        for row in first(area.top)..last(area.bottom, self.height) {
            for column in columns.clone() {
                let centre = Point {
                    x: (column as f32 + 0.5) / self.scale,
                    y: (row as f32 + 0.5) / self.scale,
                };
                // The edge runs through this pixel when it is nearer than half a pixel.
                let coverage = (0.5 - shape.distance(centre) * self.scale).clamp(0.0, 1.0);
                if coverage > 0.0 {
                    let ink = colour(centre);
                    let pixel = &mut self.pixels[row * self.width + column];
                    *pixel = ink.with_alpha(ink.alpha * coverage).over(*pixel);
                }
            }
        }
    }

    /// The finished image as PNG: RGB when it is opaque all over, which is smaller, else RGBA.
    pub(crate) fn png(&self) -> Vec<u8> {
        let opaque = self.pixels.iter().all(|pixel| pixel.alpha >= 1.0);
        let channels = if opaque { 3 } else { 4 };
        let data: Vec<u8> = self
            .pixels
            .iter()
            .flat_map(|pixel| pixel.bytes().into_iter().take(channels))
            .collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(if opaque {
            png::ColorType::Rgb
        } else {
            png::ColorType::Rgba
        });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        encoder
            .write_header()
            .and_then(|mut writer| {
                writer.write_image_data(&data)?;
                writer.finish()
            })
            .expect("a Vec takes every byte, and the data has the size of the header");
        file
    }
}
