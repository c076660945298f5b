//! Line plots as SVG.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 36.0;

/// How values become heights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From zero.
    Linear,
    /// Powers of ten, for values that span several.
    Logarithmic,
}

/// One line: its name, and its points.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) points: Vec<(f64, f64)>,
}

/// What is drawn.
pub(super) struct Plot<'a> {
    /// What the whole shows, for who cannot see it.
    pub(super) title: &'a str,
    pub(super) lines: Vec<Line<'a>>,
    pub(super) scale: Scale,
    /// Places on the horizontal axis and what is written there.
    pub(super) marks: Vec<(f64, String)>,
    /// What the horizontal axis is.
    pub(super) axis: &'a str,
}

impl Plot<'_> {
    /// Draws it. Colours are the page's, by the classes `line0`, `line1`, ….
    pub(super) fn svg(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail, here and below.
        let _ = write!(
            out,
            r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
            escape(self.title)
        );
        let (x_max, heights) = (self.x_max(), self.heights());
        let x = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * value / x_max;
        let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * heights.share(value);
        for value in heights.marks() {
            let (height, end) = (y(value), WIDTH - RIGHT);
            let _ = write!(
                out,
                r#"<line class="grid" x1="{LEFT}" x2="{end}" y1="{height:.1}" y2="{height:.1}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 8.0,
                height + 4.0,
                short(value)
            );
        }
        for (place, text) in &self.marks {
            let _ = write!(
                out,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                x(*place),
                HEIGHT - BOTTOM + 16.0,
                escape(text)
            );
        }
        let middle = (LEFT + WIDTH - RIGHT) / 2.0;
        let _ = write!(
            out,
            r#"<text x="{middle}" y="{}" text-anchor="middle">{}</text>"#,
            HEIGHT - 4.0,
            escape(self.axis)
        );
        for (index, line) in self.lines.iter().enumerate() {
            self.draw(&mut out, index, line, &x, &y);
        }
        out.push_str("</svg>");
        out
    }

    fn draw(
        &self,
        out: &mut String,
        index: usize,
        line: &Line<'_>,
        x: &impl Fn(f64) -> f64,
        y: &impl Fn(f64) -> f64,
    ) {
        let mut points = String::new();
        for (place, value) in &line.points {
            let _ = write!(points, "{:.1},{:.1} ", x(*place), y(*value));
        }
        let _ = write!(out, r#"<polyline class="line{index}" points="{}"/>"#, points.trim_end());
        // The names stand apart even where the lines end together; a circle shows a line of one point.
        if let Some((place, value)) = line.points.last() {
            let _ = write!(
                out,
                r#"<circle class="dot{index}" cx="{:.1}" cy="{:.1}" r="3"/><text class="name{index}" x="{:.1}" y="{:.1}">{}</text>"#,
                x(*place),
                y(*value),
                WIDTH - RIGHT + 14.0,
                TOP + 14.0 + 18.0 * (self.lines.len() - 1 - index) as f64,
                escape(line.name)
            );
        }
    }

    fn x_max(&self) -> f64 {
        let points = self.lines.iter().flat_map(|line| &line.points).map(|(place, _)| *place);
        points.fold(f64::MIN_POSITIVE, f64::max)
    }

    fn heights(&self) -> Heights {
        let values = || self.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
        let max = values().fold(1.0, f64::max);
        match self.scale {
            Scale::Linear => {
                let step = step(max / 4.0);
                Heights { scale: Scale::Linear, min: 0.0, max: (max / step).ceil() * step, step }
            }
            Scale::Logarithmic => {
                let min = values().fold(max, f64::min).max(1.0);
                let (min, max) = (min.log10().floor(), max.log10().ceil());
                Heights { scale: Scale::Logarithmic, min, max: max.max(min + 1.0), step: 1.0 }
            }
        }
    }
}

/// The vertical axis; logarithms where the scale is logarithmic.
struct Heights {
    scale: Scale,
    min: f64,
    max: f64,
    step: f64,
}

impl Heights {
    fn share(&self, value: f64) -> f64 {
        let value = if self.scale == Scale::Linear { value } else { value.max(f64::MIN_POSITIVE).log10() };
        ((value - self.min) / (self.max - self.min)).clamp(0.0, 1.0)
    }

    fn marks(&self) -> impl Iterator<Item = f64> {
        let count = ((self.max - self.min) / self.step).round() as u32;
        (0..=count).map(|index| {
            let mark = self.min + f64::from(index) * self.step;
            if self.scale == Scale::Linear { mark } else { 10_f64.powf(mark) }
        })
    }
}

/// The next of 1, 2, 5, 10, … that is not below a value.
fn step(value: f64) -> f64 {
    let ten = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|digit| digit * ten).into_iter().find(|step| *step >= value).unwrap_or(value)
}

/// A number as short as it is read at a glance.
pub(super) fn short(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e3 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let text = format!("{value:.1}");
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// Text that HTML shows as it is.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_stays_within_its_frame_and_shows_what_it_was_given() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let line = Line { name: "<p99>", points: vec![(1.0, 0.0), (2.0, 3e6), (3.0, 250.0)] };
            let marks = vec![(3.0, "3".to_owned())];
            let svg = Plot { title: "t", lines: vec![line], scale, marks, axis: "seconds" }.svg();
            assert!(svg.contains("&lt;p99&gt;") && svg.contains(">seconds</text>"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("=\"-"), "{svg}");
        }
    }

    #[test]
    fn nothing_measured_is_still_a_plot() {
        let lines = vec![Line { name: "none", points: Vec::new() }];
        let svg = Plot { title: "t", lines, scale: Scale::Logarithmic, marks: Vec::new(), axis: "" }.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!([0.3, 1.0, 1.1, 4.0, 70.0].map(step), [0.5, 1.0, 2.0, 5.0, 100.0]);
        assert_eq!([0.0, 12.5, 1000.0, 2_500_000.0].map(short), ["0", "12.5", "1k", "2.5M"]);
    }
}
