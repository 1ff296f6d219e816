//! Line charts as inline SVG. Coordinates are drawn for a narrow screen and scale up; colours come from the page's
//! style.

use std::fmt::Write;

/// Drawing area of a chart, and where the plot lies in it.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 22.0;

/// A line of a chart. `style` is a class of the page: `btc`, `eth`, `sol`, `a`, `b`, `c`.
pub struct Series {
    pub name: &'static str,
    pub style: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// One chart: x are days since the start.
pub struct Chart {
    pub title: &'static str,
    /// What the reader should see in it.
    pub note: &'static str,
    pub series: Vec<Series>,
    /// Whether the y axis begins at zero.
    pub from_zero: bool,
    pub format: fn(f64) -> String,
    /// Day of November at x = 0, and length in days.
    pub days: (i64, f64),
}

impl Chart {
    /// The chart as a figure of the page.
    pub fn figure(&self) -> String {
        let mut out = format!("<figure><figcaption><b>{}</b>", self.title);
        if self.series.len() > 1 {
            out.push_str("<span class=\"legend\">");
            for s in &self.series {
                let _ = write!(out, "<span class=\"{}\"><i></i>{}</span>", s.style, s.name);
            }
            out.push_str("</span>");
        }
        let _ = write!(out, "</figcaption>{}<p class=\"note\">{}</p></figure>", self.svg(), self.note);
        out
    }

    fn svg(&self) -> String {
        let ticks = self.ticks();
        let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
        let x = |day: f64| LEFT + day / self.days.1 * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
        let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", self.title);
        for tick in &ticks {
            let at = y(*tick);
            let _ = write!(out, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.1}\"/>", WIDTH - RIGHT);
            let label = (self.format)(*tick);
            let _ = write!(out, "<text x=\"{:.1}\" y=\"{:.1}\" class=\"end\">{label}</text>", LEFT - 5.0, at + 3.5);
        }
        for day in (0..=self.days.1 as i64).step_by(2) {
            let (at, base) = (x(day as f64), HEIGHT - 6.0);
            let label = self.days.0 + day;
            let _ = write!(out, "<text x=\"{at:.1}\" y=\"{base:.1}\" class=\"mid\">{label}</text>");
        }
        for s in &self.series {
            let points: Vec<(f64, f64)> = s.points.iter().map(|(d, v)| (x(*d), y(*v))).collect();
            let _ = write!(out, "<path class=\"line {}\" d=\"{}\"/>", s.style, path(&points));
        }
        out.push_str("</svg>");
        out
    }

    /// Round values from below the smallest to above the largest point, at least two.
    fn ticks(&self) -> Vec<f64> {
        let values = || self.series.iter().flat_map(|s| s.points.iter().map(|p| p.1));
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let low = if self.from_zero { low.min(0.0) } else { low };
        let high = if high > low { high } else { low + low.abs().max(1.0) };
        let span = high - low;
        let step = round_step(span / 4.0);
        let first = (low / step).floor() as i64;
        let last = ((high / step).ceil() as i64).max(first + 1);
        (first..=last).map(|n| n as f64 * step).collect()
    }
}

/// 1, 2, 2.5 or 5 times a power of ten, at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 2.5, 5.0].into_iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(10.0 * power)
}

/// Points as the data of an SVG path.
pub fn path(points: &[(f64, f64)]) -> String {
    let mut out = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        let _ = write!(out, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
    }
    out
}

/// 1,234,567 as `1.23M`.
pub fn short(value: f64) -> String {
    let size = value.abs();
    let (scaled, suffix) = match size {
        s if s >= 1e6 => (value / 1e6, "M"),
        s if s >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.2}");
    format!("{}{suffix}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A percentage.
pub fn percent(value: f64) -> String {
    format!("{} %", short(value))
}
