//! Medians, their spread, and how they are written.

/// Figures of the rounds of one measurement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[odd / 2],
            even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
        }
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// `median (min–max)`.
    pub(crate) fn with_spread(&self) -> String {
        match self.0.len() {
            0 => "–".to_owned(),
            1 => short(self.median()),
            _ => format!("{} ({}–{})", short(self.median()), short(self.min()), short(self.max())),
        }
    }

    pub(crate) fn in_short(&self) -> String {
        if self.0.is_empty() { "–".to_owned() } else { short(self.median()) }
    }

    /// The ratio of the medians, with the spread of the ratios of the rounds: those were measured one after the other.
    pub(crate) fn ratio_to(&self, other: &Self) -> String {
        let mut rounds = Self(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect());
        if rounds.0.is_empty() {
            return "–".to_owned();
        }
        let ratio = self.median() / other.median();
        if rounds.0.len() == 1 {
            return format!("{ratio:.2}");
        }
        rounds.0.sort_by(f64::total_cmp);
        format!("{ratio:.2} ({:.2}–{:.2})", rounds.min(), rounds.max())
    }
}

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// Three digits that count.
pub(crate) fn short(figure: f64) -> String {
    match figure.abs() {
        nothing if !nothing.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        large if large >= 10_000.0 => {
            let mut digits = format!("{:.0}", figure);
            let mut at = digits.len();
            while at > 3 {
                at -= 3;
                digits.insert(at, '\u{202f}');
            }
            digits
        }
        hundreds if hundreds >= 100.0 => format!("{figure:.0}"),
        tens if tens >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios() {
        let ours: Figures = [3.0, 1.0, 2.0].into_iter().collect();
        let theirs: Figures = [1.0, 1.0, 4.0].into_iter().collect();
        assert_eq!(ours.with_spread(), "2.00 (1.00–3.00)");
        assert_eq!(ours.ratio_to(&theirs), "2.00 (0.50–3.00)");
        assert_eq!(
            [short(0.123), short(12.34), short(1234.5), short(1_234_567.0)],
            ["0.12", "12.3", "1234", "1 234 567".replace(' ', "\u{202f}").as_str()]
        );
    }
}
