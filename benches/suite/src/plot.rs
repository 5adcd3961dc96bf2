//! Plots in SVG, by hand: bars with their spread, and lines over logarithmic axes.

use std::fmt::Write;

use crate::{
    figures::{Figures, short},
    servers::Kind,
};

const WIDTH: f64 = 760.0;
/// Distinguishable also without colours: they differ in lightness.
const COLOURS: [&str; 6] = ["#8a8f98", "#c2410c", "#f59e0b", "#1d4ed8", "#60a5fa", "#15803d"];

/// Everybody keeps their colour from plot to plot.
fn colour(name: &str, place: usize) -> &'static str {
    let known = Kind::ALL.iter().position(|kind| kind.name() == name);
    COLOURS[known.unwrap_or(place) % COLOURS.len()]
}

fn open(height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"600\" fill=\"#111827\">{title}</text>\n"
    )
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, content: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#374151\">{content}</text>");
}

/// Groups of horizontal bars; a thin line shows the spread of the rounds.
pub(crate) fn bars(title: &str, groups: &[(String, Vec<(&str, Figures)>)]) -> String {
    const LEFT: f64 = 230.0;
    const BAR: f64 = 22.0;
    let rows: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let height = 50.0 + rows as f64 * BAR + groups.len() as f64 * 34.0;
    let drawn = |figures: &Figures| figures.median().is_finite();
    let all = groups.iter().flat_map(|(_, bars)| bars).filter(|(_, figures)| drawn(figures));
    let largest = all.map(|(_, figures)| figures.median().max(figures.max())).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - 90.0) / largest;

    let mut svg = open(height, title);
    let mut y = 40.0;
    for (group, bars) in groups {
        y += 22.0;
        let _ = writeln!(svg, "<text x=\"16\" y=\"{y:.1}\" font-weight=\"600\" fill=\"#111827\">{group}</text>");
        y += 8.0;
        for (place, (name, figures)) in bars.iter().enumerate() {
            let middle = y + BAR / 2.0;
            text(&mut svg, LEFT - 8.0, middle + 4.5, "end", name);
            let mut end = LEFT;
            if drawn(figures) {
                let colour = colour(name, place);
                let width = (figures.median() * scale).max(1.0);
                let _ = writeln!(
                    svg,
                    "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                    y + 2.0,
                    BAR - 4.0
                );
                let (from, to) = (LEFT + figures.min() * scale, LEFT + figures.max() * scale);
                let _ = writeln!(
                    svg,
                    "<path d=\"M{from:.1} {middle:.1}H{to:.1}\" stroke=\"#111827\" stroke-width=\"1.5\"/>"
                );
                end = to.max(LEFT + width);
            }
            text(&mut svg, end + 6.0, middle + 4.5, "start", &figures.in_short());
            y += BAR;
        }
        y += 4.0;
    }
    svg + "</svg>\n"
}

/// Lines over two logarithmic axes.
pub(crate) fn lines(title: &str, x_axis: &str, y_axis: &str, series: &[(&str, Vec<(f64, f64)>)]) -> String {
    const HEIGHT: f64 = 420.0;
    const LEFT: f64 = 80.0;
    const RIGHT: f64 = 180.0;
    const TOP: f64 = 50.0;
    const BOTTOM: f64 = 50.0;
    let drawn = |point: &(f64, f64)| point.0 > 0.0 && point.1 > 0.0 && point.1.is_finite();
    let points: Vec<_> = series.iter().flat_map(|(_, points)| points).copied().filter(drawn).collect();
    let range = |of: fn(&(f64, f64)) -> f64| {
        let low = points.iter().map(of).fold(f64::INFINITY, f64::min).log10();
        let high = points.iter().map(of).fold(0.0, f64::max).log10();
        if high - low < 0.3 { (low - 0.3, high + 0.3) } else { (low, high) }
    };
    let mut svg = open(HEIGHT, title);
    if points.is_empty() {
        return svg + "</svg>\n";
    }
    let ((x_low, x_high), (y_low, y_high)) = (range(|point| point.0), range(|point| point.1));
    let x_of = |x: f64| LEFT + (x.log10() - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT);
    let y_of = |y: f64| HEIGHT - BOTTOM - (y.log10() - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM);

    let mut marks: Vec<f64> = points.iter().map(|point| point.0).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    for x in marks {
        text(&mut svg, x_of(x), HEIGHT - BOTTOM + 18.0, "middle", &x.to_string());
    }
    let decades = y_low.floor() as i32..=y_high.ceil() as i32;
    for y in decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade))) {
        if (y_low..=y_high).contains(&y.log10()) {
            let at = y_of(y);
            let _ = writeln!(svg, "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#e5e7eb\"/>", WIDTH - RIGHT);
            text(&mut svg, LEFT - 8.0, at + 4.5, "end", &short(y));
        }
    }
    text(&mut svg, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0, "middle", x_axis);
    text(&mut svg, 16.0, TOP - 8.0, "start", y_axis);
    for (place, (name, points)) in series.iter().enumerate() {
        let colour = colour(name, place);
        let path: Vec<String> = points
            .iter()
            .filter(|point| drawn(point))
            .map(|(x, y)| format!("{:.1} {:.1}", x_of(*x), y_of(*y)))
            .collect();
        let _ =
            writeln!(svg, "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"/>", path.join("L"));
        let y = TOP + 20.0 * place as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>",
            WIDTH - RIGHT + 16.0,
            y - 6.0
        );
        text(&mut svg, WIDTH - RIGHT + 36.0, y, "start", name);
    }
    svg + "</svg>\n"
}
