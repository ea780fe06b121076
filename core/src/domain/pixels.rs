//! Generated pictures: every account has a bird and a landscape of its own until it brings better
//! ones. The same seed gives the same picture on every machine: only arithmetic that IEEE 754
//! defines to the last bit is used, so no sines.

use std::collections::HashMap;

/// Width and height of an avatar, pixels.
pub const AVATAR_PIXELS: u32 = 256;

/// Width of a header, pixels.
pub const HEADER_WIDTH_PIXELS: u32 = 1500;

/// Height of a header, pixels.
pub const HEADER_HEIGHT_PIXELS: u32 = 500;

/// Most colours of a picture: what one byte per pixel can tell apart.
pub const COLOURS_MAX: usize = 256;

/// Steps from "not covered" to "covered" at the rim of a shape. More would be smoother but need
/// more colours than there are.
const COVERAGE_STEPS: f32 = 6.0;

/// Steps of the sky from top to horizon.
const SKY_STEPS: u32 = 72;

/// A picture with few colours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green, blue; at most [`COLOURS_MAX`].
    pub palette: Vec<[u8; 3]>,
    /// Row by row the place of each pixel's colour in the palette.
    pub indexes: Vec<u8>,
}

/// The bird that stands for the account with the id (or hash) `seed`.
#[must_use]
pub fn avatar(seed: u64) -> Picture {
    let mut dice = Dice(seed);
    let look = Look::roll(&mut dice);
    let mut canvas = Canvas::new(AVATAR_PIXELS, AVATAR_PIXELS, look.scene.air);
    paint_bird(&mut canvas, &look, &mut dice);
    canvas.into_picture()
}

/// The landscape above the profile of the account with the id (or hash) `seed`, in the colours of
/// its [`avatar`].
#[must_use]
pub fn header(seed: u64) -> Picture {
    let mut dice = Dice(seed);
    let look = Look::roll(&mut dice);
    let mut canvas = Canvas::new(HEADER_WIDTH_PIXELS, HEADER_HEIGHT_PIXELS, look.scene.air);
    paint_landscape(&mut canvas, &look, &mut dice);
    canvas.into_picture()
}

type Colour = [u8; 3];

const INK: Colour = [0x25, 0x26, 0x2C];
const WHITE: Colour = [0xFF, 0xFF, 0xFF];

/// What is behind the bird.
struct Scene {
    air: Colour,
    sun: Colour,
    wood: Colour,
    leaf: Colour,
}

const SCENES: [Scene; 10] = [
    scene(0xFDEBD6, 0xFACB94, 0x8A5A3C, 0x7FA05A),
    scene(0xDDF1EC, 0xA8DCD1, 0x6B5646, 0x4F9C7C),
    scene(0xE4E9FC, 0xB9C6F5, 0x5F5A72, 0x6F8FC9),
    scene(0xFCE3E6, 0xF6B5C0, 0x86564F, 0xC9647C),
    scene(0xFFF4CE, 0xFCDD7E, 0x80603A, 0x8FA446),
    scene(0xE9F4D9, 0xC3E19B, 0x6E5A3E, 0x5E9A4C),
    scene(0xEDE2F8, 0xD1B8EC, 0x665069, 0x8D6DB8),
    scene(0xDAEFFA, 0xA3D6F0, 0x5C5A5E, 0x4C9AB0),
    scene(0xF4EADF, 0xE2CBAF, 0x7A5C48, 0x9C9456),
    scene(0xE2EEF0, 0xF7C9A9, 0x5D5450, 0x6A9A94),
];

const fn scene(air: u32, sun: u32, wood: u32, leaf: u32) -> Scene {
    Scene {
        air: rgb(air),
        sun: rgb(sun),
        wood: rgb(wood),
        leaf: rgb(leaf),
    }
}

/// The bird's colours.
struct Plumage {
    body: Colour,
    wing: Colour,
    belly: Colour,
}

const PLUMAGES: [Plumage; 14] = [
    plumage(0x8A9A55, 0x5F6E3C, 0xF1EDCF),
    plumage(0x4A7FC6, 0x305C9A, 0xF0F4FA),
    plumage(0x33979A, 0x226D73, 0xE6F5EE),
    plumage(0x86654F, 0x61463A, 0xF4924F),
    plumage(0x8A5AA0, 0x633D76, 0xF5E6F7),
    plumage(0x5F7188, 0x414F61, 0xEBEFF3),
    plumage(0xCC4A55, 0x973341, 0xFCE8E1),
    plumage(0xE0A834, 0xAE7C20, 0xFDF5DC),
    plumage(0x464A57, 0x2D3039, 0xF6F2EC),
    plumage(0xE27B9A, 0xB75677, 0xFDEDF1),
    plumage(0x57A565, 0x3B7A4A, 0xF6F5D6),
    plumage(0xD1743B, 0x9D5227, 0xFDEEDC),
    plumage(0x3D5A80, 0x293F5C, 0xF3A683),
    plumage(0x2F8F83, 0x1F665F, 0xF7D774),
];

const fn plumage(body: u32, wing: u32, belly: u32) -> Plumage {
    Plumage {
        body: rgb(body),
        wing: rgb(wing),
        belly: rgb(belly),
    }
}

const CRESTS: [Colour; 7] = [
    rgb(0xF9C22E),
    rgb(0xEB5540),
    rgb(0xF6923A),
    rgb(0xFFFFFF),
    rgb(0x34BCCF),
    rgb(0xF07BB0),
    rgb(0x2A2C34),
];

const BEAKS: [(Colour, Colour); 4] = [
    (rgb(0xF5A93B), rgb(0xD98A1F)),
    (rgb(0x4A4650), rgb(0x34313A)),
    (rgb(0xEE7B4D), rgb(0xCC5C31)),
    (rgb(0xF7CF5B), rgb(0xDBAE35)),
];

const fn rgb(hex: u32) -> Colour {
    let [_, red, green, blue] = hex.to_be_bytes();
    [red, green, blue]
}

/// What avatar and header of one account have in common.
struct Look {
    scene: &'static Scene,
    plumage: &'static Plumage,
    crest: Colour,
}

impl Look {
    fn roll(dice: &mut Dice) -> Self {
        let scene = dice.pick(&SCENES);
        let plumage = dice.pick(&PLUMAGES);
        let mut crest = *dice.pick(&CRESTS);
        if distance(crest, plumage.body) < 9_000 {
            crest = if distance(CRESTS[0], plumage.body) < 9_000 {
                CRESTS[1]
            } else {
                CRESTS[0]
            };
        }
        Self {
            scene,
            plumage,
            crest,
        }
    }
}

/// Numbers that look random (SplitMix64 by Sebastiano Vigna).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn pick<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        &choices[(self.roll() % choices.len() as u64) as usize]
    }

    fn below(&mut self, sides: u64) -> u64 {
        self.roll() % sides
    }

    /// A number from `low` to `high`.
    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.roll() >> 40) as f32 / (1_u64 << 24) as f32)
    }
}

/// A point; for a bird the picture reaches from 0 to 1 in both directions.
type Point = (f32, f32);

/// Distance to a circle; negative inside. So are all the distances below.
fn circle(p: Point, centre: Point, radius: f32) -> f32 {
    length((p.0 - centre.0, p.1 - centre.1)) - radius
}

/// Distance to an ellipse with the half axes `radii`, turned by an angle with the cosine and sine
/// `turn`; exact only near its rim, where it matters.
fn ellipse(p: Point, centre: Point, radii: Point, turn: Point) -> f32 {
    let (x, y) = (p.0 - centre.0, p.1 - centre.1);
    let (x, y) = (x * turn.0 + y * turn.1, y * turn.0 - x * turn.1);
    let near = length((x / radii.0, y / radii.1));
    let slope = length((x / (radii.0 * radii.0), y / (radii.1 * radii.1)));
    if slope == 0.0 {
        -radii.0.min(radii.1)
    } else {
        near * (near - 1.0) / slope
    }
}

/// Distance to the line from `a` to `b`, `radius` thick on either side.
fn stroke(p: Point, a: Point, b: Point, radius: f32) -> f32 {
    let (px, py) = (p.0 - a.0, p.1 - a.1);
    let (bx, by) = (b.0 - a.0, b.1 - a.1);
    let along = ((px * bx + py * by) / (bx * bx + by * by)).clamp(0.0, 1.0);
    length((px - bx * along, py - by * along)) - radius
}

/// Distance to a triangle whose corners go round clockwise (y points down).
fn triangle(p: Point, corners: [Point; 3]) -> f32 {
    let [a, b, c] = corners;
    edge(p, a, b).max(edge(p, b, c)).max(edge(p, c, a))
}

/// Distance to the half plane to the right of the way from `a` to `b`.
fn edge(p: Point, a: Point, b: Point) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    ((p.0 - a.0) * dy - (p.1 - a.1) * dx) / length((dx, dy))
}

/// Two shapes melted together over the width `soft` (polynomial smooth minimum).
fn melt(a: f32, b: f32, soft: f32) -> f32 {
    let mix = (0.5 + 0.5 * (b - a) / soft).clamp(0.0, 1.0);
    b + (a - b) * mix - soft * mix * (1.0 - mix)
}

fn length((x, y): Point) -> f32 {
    (x * x + y * y).sqrt()
}

/// Cosine and sine of 20, 30, 40, 60 and 75 degrees.
const TURN_20: Point = (0.939_692_6, 0.342_020_15);
const TURN_30: Point = (0.866_025_4, 0.5);
const TURN_40: Point = (0.766_044_4, 0.642_787_6);
const TURN_60: Point = (0.5, 0.866_025_4);
const TURN_75: Point = (0.258_819, 0.965_925_8);

fn paint_bird(canvas: &mut Canvas, look: &Look, dice: &mut Dice) {
    let Look {
        scene,
        plumage,
        crest,
    } = look;
    canvas.mirrored = dice.below(2) == 0;
    let plump = dice.between(0.0, 0.025);
    let head_at = (
        0.595 + dice.between(-0.01, 0.015),
        0.375 + dice.between(-0.012, 0.012),
    );
    let head_radius = 0.19 + dice.between(-0.006, 0.012);
    let head = move |p| circle(p, head_at, head_radius);
    let body = move |p| {
        let trunk = ellipse(p, (0.465, 0.595), (0.285 + plump, 0.235 + plump), TURN_20);
        melt(head(p), trunk, 0.11)
    };
    paint_backdrop(canvas, look, dice);

    // The branch, and the tail in front of it.
    let slope = dice.between(-0.03, 0.03);
    canvas.fill((0.0, 0.8, 1.0, 1.0), scene.wood, |p| {
        stroke(p, (-0.1, 0.885 + slope), (1.1, 0.885 - slope), 0.03)
    });
    for leaf in 0..dice.below(3) {
        let at = if leaf == 0 {
            (0.86, 0.835 - slope)
        } else {
            (0.93, 0.93 - slope)
        };
        let turn = if leaf == 0 {
            (TURN_30.0, -TURN_30.1)
        } else {
            TURN_30
        };
        canvas.fill((0.7, 0.7, 1.0, 1.0), scene.leaf, |p| {
            ellipse(p, at, (0.085, 0.036), turn)
        });
    }
    let tail_tip = (0.075, 0.79 + dice.between(-0.02, 0.03));
    canvas.fill((0.0, 0.5, 0.5, 0.95), plumage.wing, |p| {
        stroke(p, (0.3, 0.67), tail_tip, 0.05).max(edge(p, (0.03, 0.95), (0.1, 0.6)))
    });

    // A crest that stands up grows from behind the head.
    let crown = dice.below(6);
    if crown == 1 {
        for (dx, dy, turn) in [
            (-0.11, -0.19, TURN_60),
            (-0.055, -0.225, TURN_60),
            (0.01, -0.23, TURN_75),
        ] {
            canvas.fill((0.2, 0.0, 0.9, 0.5), *crest, |p| {
                ellipse(p, (head_at.0 + dx, head_at.1 + dy), (0.085, 0.032), turn)
            });
        }
    } else if crown == 2 {
        canvas.fill((0.2, 0.0, 0.9, 0.5), *crest, |p| {
            let tuft = (head_at.0 - 0.135, head_at.1 - 0.155);
            ellipse(p, tuft, (0.15, 0.06), TURN_40)
        });
    }

    // Beak, legs, trunk.
    let (upper, lower) = *dice.pick(&BEAKS);
    let long = dice.between(0.0, 0.05);
    let root = (head_at.0 + head_radius - 0.035, head_at.1 + 0.028);
    let tip = (root.0 + 0.125 + long, root.1 + 0.012);
    canvas.fill((0.6, 0.2, 1.0, 0.6), lower, |p| {
        triangle(p, [(root.0, root.1), tip, (root.0, root.1 + 0.045)]) - 0.006
    });
    canvas.fill((0.6, 0.2, 1.0, 0.6), upper, |p| {
        triangle(p, [(root.0, root.1 - 0.05), tip, (root.0, root.1 + 0.008)]) - 0.006
    });
    for x in [0.43, 0.53] {
        canvas.fill((0.3, 0.7, 0.7, 0.95), lower, |p| {
            let toe = stroke(p, (x - 0.015, 0.868), (x + 0.05, 0.868), 0.014);
            stroke(p, (x, 0.78), (x + 0.012, 0.865), 0.0125).min(toe)
        });
    }
    canvas.fill((0.05, 0.05, 0.95, 0.95), plumage.body, body);
    canvas.fill((0.2, 0.3, 0.95, 0.95), plumage.belly, |p| {
        body(p).max(ellipse(p, (0.62, 0.705), (0.225, 0.19), TURN_20))
    });
    paint_crown(canvas, crown, *crest, head_at, head_radius);
    paint_face(canvas, look, dice, head_at);
    paint_wing(canvas, look, dice);
}

fn paint_backdrop(canvas: &mut Canvas, look: &Look, dice: &mut Dice) {
    let Scene { air, sun, .. } = *look.scene;
    let everywhere = (0.0, 0.0, 1.0, 1.0);
    match dice.below(4) {
        0 => canvas.fill(everywhere, sun, |p| circle(p, (0.5, 0.5), 0.41)),
        1 => {
            canvas.fill(everywhere, mix(air, sun, 0.45), |p| {
                circle(p, (0.5, 0.52), 0.47)
            });
            canvas.fill(everywhere, sun, |p| circle(p, (0.5, 0.52), 0.34));
        }
        2 => {
            canvas.fill(everywhere, mix(air, sun, 0.5), |p| {
                circle(p, (0.2, 1.1), 0.62)
            });
            canvas.fill(everywhere, sun, |p| circle(p, (0.9, 1.15), 0.6));
            canvas.fill(everywhere, WHITE, |p| circle(p, (0.2, 0.2), 0.085));
        }
        _ => {
            canvas.fill(everywhere, sun, |p| edge(p, (1.1, 0.15), (-0.1, 0.75)));
            canvas.fill(everywhere, mix(air, sun, 0.5), |p| {
                edge(p, (1.1, 0.15), (-0.1, 0.75)).max(-edge(p, (1.1, 0.32), (-0.1, 0.92)))
            });
        }
    }
}

fn paint_crown(canvas: &mut Canvas, crown: u64, crest: Colour, at: Point, radius: f32) {
    let around = (0.3, 0.1, 0.9, 0.6);
    let head = |p| circle(p, at, radius);
    match crown {
        // The kinglet's own: a bright stripe between two dark ones.
        0 | 5 => {
            canvas.fill(around, INK, |p| {
                head(p).max(-circle(p, (at.0 + 0.025, at.1 + 0.085), radius + 0.012))
            });
            canvas.fill(around, crest, |p| {
                head(p).max(-circle(p, (at.0 + 0.02, at.1 + 0.065), radius + 0.022))
            });
        }
        // A cap, then a mask.
        3 => canvas.fill(around, crest, |p| {
            head(p).max(edge(
                p,
                (at.0 - 0.3, at.1 + 0.0),
                (at.0 + 0.3, at.1 - 0.085),
            ))
        }),
        4 => canvas.fill(around, crest, |p| {
            head(p).max(edge(
                p,
                (at.0 + 0.3, at.1 - 0.015),
                (at.0 - 0.3, at.1 - 0.09),
            ))
        }),
        _ => {}
    }
}

fn paint_face(canvas: &mut Canvas, look: &Look, dice: &mut Dice, head_at: Point) {
    let around = (0.4, 0.2, 0.9, 0.6);
    let eye = (head_at.0 + 0.065, head_at.1 - 0.008);
    if dice.below(2) == 0 {
        let cheek = mix(look.plumage.body, rgb(0xFF8F86), 0.8);
        canvas.fill(around, cheek, |p| {
            circle(p, (eye.0 - 0.015, eye.1 + 0.088), 0.036)
        });
    }
    if dice.below(3) > 0 {
        canvas.fill(around, look.plumage.belly, |p| circle(p, eye, 0.054));
    } else {
        // An eye stripe.
        canvas.fill(around, look.plumage.belly, |p| {
            ellipse(
                p,
                (eye.0 - 0.03, eye.1 + 0.01),
                (0.1, 0.052),
                (TURN_20.0, -TURN_20.1),
            )
        });
    }
    canvas.fill(around, INK, |p| circle(p, eye, 0.036));
    canvas.fill(around, WHITE, |p| {
        circle(p, (eye.0 + 0.012, eye.1 - 0.013), 0.012)
    });
}

fn paint_wing(canvas: &mut Canvas, look: &Look, dice: &mut Dice) {
    let Plumage {
        body,
        wing: dark,
        belly,
    } = *look.plumage;
    let around = (0.05, 0.35, 0.7, 0.9);
    let turn = (TURN_20.0, -TURN_20.1);
    let wing = |p| {
        let round = ellipse(p, (0.375, 0.585), (0.205, 0.125), turn);
        let pointed = ellipse(p, (0.27, 0.635), (0.17, 0.06), turn);
        melt(round, pointed, 0.05)
    };
    canvas.fill(around, dark, wing);
    match dice.below(4) {
        0 => canvas.fill(around, mix(dark, body, 0.6), |p| {
            (wing(p) + 0.012).max(ellipse(p, (0.445, 0.56), (0.14, 0.1), turn))
        }),
        1 => {
            for (x, y) in [(0.4, 0.535), (0.325, 0.575), (0.25, 0.615)] {
                canvas.fill(around, mix(dark, belly, 0.7), |p| {
                    circle(p, (x, y + 0.02), 0.024)
                });
            }
        }
        2 => {
            for dy in [0.0, 0.055] {
                canvas.fill(around, mix(dark, body, 0.75), |p| {
                    let bar = stroke(p, (0.24, 0.625 + dy), (0.46, 0.535 + dy), 0.011);
                    (wing(p) + 0.02).max(bar)
                });
            }
        }
        _ => canvas.fill(around, look.crest, |p| {
            wing(p).max(-ellipse(p, (0.41, 0.555), (0.235, 0.15), turn))
        }),
    }
}

fn paint_landscape(canvas: &mut Canvas, look: &Look, dice: &mut Dice) {
    let Scene { air, sun, .. } = *look.scene;
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let zenith = mix(sun, look.plumage.body, 0.30);
    canvas.sky(zenith, mix(air, WHITE, 0.25), 0.8);
    // The unit of the shapes is the height of the picture.
    let sun_at = (
        dice.between(0.5, width / height - 0.5),
        dice.between(0.3, 0.5),
    );
    let radius = dice.between(0.13, 0.19);
    let glow = (sun_at.0 - 0.4, 0.0, sun_at.0 + 0.4, 1.0);
    let bright = rgb(0xFFF3D6);
    canvas.fill(glow, bright, |p| circle(p, sun_at, radius));
    let flock_at = (
        dice.between(0.3, width / height - 0.6),
        dice.between(0.14, 0.26),
    );
    let layers = 5;
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let far_colour = mix(mix(air, sun, 0.7), look.plumage.body, 0.18);
        let near_colour = mix(look.plumage.wing, INK, 0.22);
        let base = height * (0.56 + 0.30 * near);
        let swing = height * (0.20 - 0.06 * near);
        let ridge = ridge(dice, canvas.width, width / (3.0 + 2.0 * near), swing);
        canvas.ground(mix(far_colour, near_colour, near), |x| base - ridge[x]);
    }
    for bird in 0..3 + dice.below(4) {
        let n = bird as f32;
        let at = (
            flock_at.0 + 0.075 * n,
            flock_at.1 + dice.between(-0.05, 0.05),
        );
        let span = dice.between(0.018, 0.03);
        let around = (at.0 - 0.1, at.1 - 0.1, at.0 + 0.1, at.1 + 0.1);
        canvas.fill(around, mix(look.plumage.wing, INK, 0.4), |p| {
            let wing = |side: f32| {
                let elbow = (at.0 + side * span * 0.55, at.1 - span * 0.5);
                let tip = (at.0 + side * span * 1.25, at.1 - span * 0.2);
                stroke(p, at, elbow, 0.0035).min(stroke(p, elbow, tip, 0.0028))
            };
            wing(-1.0).min(wing(1.0))
        });
    }
}

/// A line of hills, `width` columns long: two octaves of smoothed noise between 0 and `swing`, the
/// longer wave being `wave` pixels long.
fn ridge(dice: &mut Dice, width: u32, wave: f32, swing: f32) -> Vec<f32> {
    let mut heights = vec![0.0; width as usize];
    for (wave, swing) in [(wave, swing * 0.8), (wave * 0.37, swing * 0.2)] {
        let mut knots = Vec::new();
        while (knots.len() as f32) < width as f32 / wave + 3.0 {
            knots.push(dice.between(0.0, swing));
        }
        let shift = dice.between(0.0, 1.0);
        for (x, height) in heights.iter_mut().enumerate() {
            let at = x as f32 / wave + shift;
            let knot = at as usize;
            let part = at - knot as f32;
            let smooth = part * part * (3.0 - 2.0 * part);
            *height += knots[knot] + (knots[knot + 1] - knots[knot]) * smooth;
        }
    }
    heights
}

/// The colour between `a` and `b`, `part` of the way.
fn mix(a: Colour, b: Colour, part: f32) -> Colour {
    let channel = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * part + 0.5) as u8;
    [
        channel(a[0], b[0]),
        channel(a[1], b[1]),
        channel(a[2], b[2]),
    ]
}

/// How far apart two colours are (squared, green counting double).
fn distance(a: Colour, b: Colour) -> i32 {
    let square = |a: u8, b: u8| (i32::from(a) - i32::from(b)) * (i32::from(a) - i32::from(b));
    square(a[0], b[0]) + 2 * square(a[1], b[1]) + square(a[2], b[2])
}

/// A picture that is being painted, front over back.
struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<Colour>,
    /// Pure colours in the order of their use; they get their place in the palette first.
    paints: Vec<Colour>,
    /// Whether shapes are painted with left and right exchanged.
    mirrored: bool,
}

impl Canvas {
    fn new(width: u32, height: u32, ground: Colour) -> Self {
        let pixels = vec![ground; width as usize * height as usize];
        Self {
            width,
            height,
            pixels,
            paints: vec![ground],
            mirrored: false,
        }
    }

    /// Paints the shape with the distance function `shape`. It may reach no further than the box
    /// (left, top, right, bottom); the unit of all is the height of the picture.
    fn fill(
        &mut self,
        (left, top, right, bottom): (f32, f32, f32, f32),
        paint: Colour,
        shape: impl Fn(Point) -> f32,
    ) {
        self.paints.push(paint);
        let unit = self.height as f32;
        let columns =
            (left * unit).max(0.0) as u32..((right * unit).max(0.0) as u32).min(self.width);
        let rows = (top * unit).max(0.0) as u32..((bottom * unit).max(0.0) as u32).min(self.height);
        for row in rows {
            let mut column = columns.start;
            while column < columns.end {
                let at = ((column as f32 + 0.5) / unit, (row as f32 + 0.5) / unit);
                let distance = shape(at) * unit;
                // As far as the rim is away, the next pixels are like this one. Half of that, since
                // not all the distances are exact.
                let alike = ((distance.abs() - 1.0) * 0.5).max(1.0) as u32;
                let end = (column + alike).min(columns.end);
                let covered = 0.5 - distance;
                if covered > 0.0 {
                    for column in column..end {
                        let column = if self.mirrored {
                            self.width - 1 - column
                        } else {
                            column
                        };
                        self.blend(column, row, paint, covered);
                    }
                }
                column = end;
            }
        }
    }

    /// Paints everything below the height that `ridge` gives for a column, pixels from the top.
    fn ground(&mut self, paint: Colour, ridge: impl Fn(usize) -> f32) {
        self.paints.push(paint);
        let heights: Vec<f32> = (0..self.width as usize).map(ridge).collect();
        let peak = heights.iter().copied().fold(self.height as f32, f32::min);
        let valley = heights.iter().copied().fold(0.0, f32::max);
        let first = (peak - 1.0).max(0.0) as u32;
        let solid = (valley as u32 + 1).clamp(first, self.height);
        for row in first..solid {
            for (column, height) in (0..).zip(&heights) {
                let covered = row as f32 + 1.0 - height;
                if covered > 0.0 {
                    self.blend(column, row, paint, covered);
                }
            }
        }
        self.pixels[(solid * self.width) as usize..].fill(paint);
    }

    /// Paints all rows from `top` to `horizon`, which is reached at `part` of the height.
    fn sky(&mut self, top: Colour, horizon: Colour, part: f32) {
        let reach = self.height as f32 * part;
        for (row, pixels) in self.pixels.chunks_mut(self.width as usize).enumerate() {
            let step = (row as f32 / reach * SKY_STEPS as f32).min(SKY_STEPS as f32) as u32;
            let paint = mix(top, horizon, step as f32 / SKY_STEPS as f32);
            if self.paints.last() != Some(&paint) {
                self.paints.push(paint);
            }
            pixels.fill(paint);
        }
    }

    fn blend(&mut self, column: u32, row: u32, paint: Colour, covered: f32) {
        let pixel = &mut self.pixels[(row * self.width + column) as usize];
        *pixel = if covered >= 1.0 {
            paint
        } else {
            let part = (covered * COVERAGE_STEPS + 0.5) as u32 as f32 / COVERAGE_STEPS;
            mix(*pixel, paint, part)
        };
    }

    /// Finds the palette: the pure colours, then those of the rims in the order of their
    /// appearance; when it is full, the nearest colour serves.
    fn into_picture(self) -> Picture {
        let mut palette: Vec<Colour> = Vec::with_capacity(COLOURS_MAX);
        let mut places: HashMap<Colour, u8> = HashMap::new();
        let mut last = None;
        let mut place_of = |colour: Colour| {
            if let Some((same, place)) = last
                && same == colour
            {
                return place;
            }
            let place = *places.entry(colour).or_insert_with(|| {
                if palette.len() < COLOURS_MAX {
                    palette.push(colour);
                    return (palette.len() - 1) as u8;
                }
                let nearest =
                    (0..=u8::MAX).min_by_key(|i| distance(palette[usize::from(*i)], colour));
                nearest.unwrap_or(0)
            });
            last = Some((colour, place));
            place
        };
        for paint in self.paints {
            place_of(paint);
        }
        let indexes = self.pixels.into_iter().map(place_of).collect();
        Picture {
            width: self.width,
            height: self.height,
            palette,
            indexes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn pictures_are_sound() {
        for seed in [0, 1, u64::MAX, 115_592_103_424_000] {
            for picture in [avatar(seed), header(seed)] {
                assert!(picture.palette.len() <= COLOURS_MAX);
                assert_eq!(picture.indexes.len() as u32, picture.width * picture.height);
                let used = picture
                    .indexes
                    .iter()
                    .all(|i| usize::from(*i) < picture.palette.len());
                assert!(used);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_picture() {
        assert_eq!(avatar(7), avatar(7));
        assert_eq!(header(7), header(7));
    }

    #[test]
    fn accounts_made_one_after_the_other_look_different() {
        let birds: HashSet<Vec<u8>> = (0..40)
            .map(|n| {
                let picture = avatar(n << 16);
                let colour = |i: &u8| picture.palette[usize::from(*i)];
                picture.indexes.iter().flat_map(colour).collect()
            })
            .collect();
        assert_eq!(birds.len(), 40);
    }
}
